"""Soft threshold, ISTA and FISTA against PyTorch, scikit-learn and their bounds."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, lasso_path
from torch import Tensor

from course_utils.proximal import fista, ista, soft_threshold

METHODS = pytest.mark.parametrize("method", [ista, fista])
N, D, ALPHA = 60, 20, 0.1


def problem(seed: int = 0, n: int = N, d: int = D) -> tuple[Tensor, Tensor]:
    """Features of different sizes, some of them correlated, and targets from 4 of them."""
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=g, dtype=torch.float64)
    X = (X + 0.5 * X.roll(1, dims=1)) * torch.linspace(0.5, 2, d, dtype=torch.float64)
    w = torch.zeros(d, dtype=torch.float64)
    w[: d // 5] = 2.0
    return X, X @ w + 0.5 * torch.randn(n, generator=g, dtype=torch.float64)


def least_squares(
    X: Tensor, y: Tensor, l2: float = 0.0
) -> tuple[Callable[[Tensor], Tensor], float]:
    """The gradient of |X w - y|^2 / (2 n) + l2 |w|^2 / 2, and 1 / L."""
    n = len(y)
    lipschitz = torch.linalg.eigvalsh(X.T @ X / n).max().item() + l2
    return lambda w: X.T @ (X @ w - y) / n + l2 * w, 1 / lipschitz


def zeros(*shape: int) -> Tensor:
    return torch.zeros(*shape, dtype=torch.float64)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_soft_threshold_is_softshrink(value: float, threshold: float) -> None:
    x = torch.tensor([value, -value], dtype=torch.float64)
    shrunk = soft_threshold(x, threshold)
    torch.testing.assert_close(shrunk, F.softshrink(x, threshold), rtol=0, atol=0)
    assert torch.equal(shrunk == 0, x.abs() <= threshold)


def test_soft_threshold_minimises_its_objective() -> None:
    x = torch.linspace(-3, 3, 25, dtype=torch.float64)
    grid = torch.linspace(-4, 4, 8001, dtype=torch.float64)[:, None]
    best = grid[((grid - x) ** 2 / 2 + 0.7 * grid.abs()).argmin(0)].squeeze(1)
    torch.testing.assert_close(soft_threshold(x, 0.7), best, rtol=0, atol=1e-3)


def test_soft_threshold_takes_a_threshold_for_each_entry() -> None:
    x = torch.tensor([[3.0, -3.0], [1.0, -1.0]])
    shrunk = soft_threshold(x, torch.tensor([[1.0], [2.0]]))
    assert torch.equal(shrunk, torch.tensor([[2.0, -2.0], [0.0, 0.0]]))
    assert not torch.signbit(shrunk[1]).any()


def test_soft_threshold_keeps_nan() -> None:
    assert soft_threshold(torch.tensor([float("nan")]), 1.0).isnan().all()


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_soft_threshold_has_the_gradient_of_softshrink(threshold: float) -> None:
    """Also at the kinks, where |x| is the threshold."""
    x = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.3, 1.0, 4.0], requires_grad=True)
    (expected,) = torch.autograd.grad(F.softshrink(x, threshold).sum(), x)
    (gradient,) = torch.autograd.grad(soft_threshold(x, threshold).sum(), x)
    assert torch.equal(gradient, expected)
    assert torch.equal(expected, (x.abs() > threshold).float())


@METHODS
@pytest.mark.parametrize("n", [N, 12], ids=["more rows", "more columns"])
@pytest.mark.parametrize("alpha", [0.03, ALPHA, 1.0])
def test_parity_with_sklearn_lasso(method, alpha: float, n: int) -> None:
    X, y = problem(n=n)
    gradient, lr = least_squares(X, y)
    w = method(gradient, zeros(D), lr=lr, l1=alpha, steps=100_000, tol=1e-12)
    theirs = Lasso(alpha, fit_intercept=False, tol=1e-14, max_iter=1_000_000).fit(X, y).coef_
    np.testing.assert_allclose(w, theirs, rtol=0, atol=1e-5)
    assert ((w == 0).numpy() == (theirs == 0)).all()
    assert 0 < (w == 0).sum() < D


@METHODS
def test_parity_with_sklearn_elastic_net(method) -> None:
    X, y = problem()
    l1, l2 = 0.2, 0.3
    gradient, lr = least_squares(X, y, l2)
    w = method(gradient, zeros(D), lr=lr, l1=l1, steps=20_000, tol=1e-12)
    model = ElasticNet(l1 + l2, l1_ratio=l1 / (l1 + l2), fit_intercept=False, tol=1e-14)
    np.testing.assert_allclose(w, model.fit(X, y).coef_, rtol=0, atol=1e-5)


@METHODS
def test_a_path_of_penalties_is_solved_at_once(method) -> None:
    X, y = problem()
    gradient, lr = least_squares(X, y)
    alphas = np.array([1.0, 0.3, 0.1, 0.03])
    rows = method(
        lambda W: torch.stack([gradient(w) for w in W]),
        zeros(4, D),
        lr=torch.full((4, 1), lr, dtype=torch.float64),
        l1=torch.from_numpy(alphas)[:, None],
        steps=20_000,
        tol=1e-12,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = lasso_path(X.numpy(), y.numpy(), alphas=alphas, tol=1e-14, max_iter=100_000)[1]
    np.testing.assert_allclose(rows, theirs.T, rtol=0, atol=1e-5)


@METHODS
def test_a_penalty_above_the_gradient_at_zero_gives_zero(method) -> None:
    X, y = problem()
    gradient, lr = least_squares(X, y)
    largest = gradient(zeros(D)).abs().max().item()
    start = torch.ones(D, dtype=torch.float64)
    w = method(gradient, start, lr=lr, l1=1.001 * largest, steps=20_000, tol=1e-12)
    assert (w == 0).all()
    w = method(gradient, start, lr=lr, l1=0.999 * largest, steps=20_000, tol=1e-12)
    assert (w != 0).sum() == 1
    assert (start == 1).all(), "the start was changed"


@METHODS
def test_without_penalty_it_is_gradient_descent(method) -> None:
    X, y = problem()
    gradient, lr = least_squares(X, y)
    w = method(gradient, zeros(D), lr=lr, l1=0.0, steps=100_000, tol=1e-13)
    torch.testing.assert_close(w, torch.linalg.lstsq(X, y[:, None]).solution[:, 0])


def objectives(method, steps: int) -> tuple[Tensor, float, float]:
    """The objective after each step less its minimum, |x_0 - x*|^2, and lr."""
    X, y = problem(n=12)
    gradient, lr = least_squares(X, y)

    def objective(w: Tensor) -> Tensor:
        return (X @ w - y).square().sum() / (2 * len(y)) + ALPHA * w.abs().sum()

    best = fista(gradient, zeros(D), lr=lr, l1=ALPHA, steps=200_000, tol=1e-14)
    values: list[Tensor] = []
    start = torch.full((D,), 3.0, dtype=torch.float64)
    method(
        gradient, start, lr=lr, l1=ALPHA, steps=steps, observe=lambda w: values.append(objective(w))
    )
    return torch.stack(values) - objective(best), (start - best).square().sum().item(), lr


def test_ista_descends_within_its_bound() -> None:
    gaps, distance, lr = objectives(ista, 500)
    k = torch.arange(1, len(gaps) + 1)
    assert (gaps.diff() <= 1e-12).all()
    assert (gaps <= distance / (2 * lr * k)).all()


def test_fista_is_within_its_bound_and_faster() -> None:
    gaps, distance, lr = objectives(fista, 500)
    k = torch.arange(1, len(gaps) + 1)
    assert (gaps <= 2 * distance / (lr * (k + 1) ** 2)).all()
    assert (gaps.diff() > 0).any(), "FISTA is no descent method"
    assert gaps[:300].min() < 0.01 * objectives(ista, 300)[0].min()


def test_the_first_steps_by_hand() -> None:
    """f = x^2 / 2 from 4 with lr 0.5 and l1 1: a step is S(x / 2, 0.5)."""
    seen: dict[str, list[Tensor]] = {"ista": [], "fista": []}
    for method in (ista, fista):
        start = torch.tensor([4.0], dtype=torch.float64)
        observe = seen[method.__name__].append
        method(lambda x: x, start, lr=0.5, l1=1.0, steps=3, observe=observe)
    assert seen["ista"] == [1.5, 0.25, 0.0]
    t = [1.0, (1 + 5**0.5) / 2]
    t.append((1 + (1 + 4 * t[1] ** 2) ** 0.5) / 2)
    second = 0.25  # (t_1 - 1) / t_2 is 0: the second step is that of ISTA
    ahead = second + (t[1] - 1) / t[2] * (second - 1.5)
    third = ahead / 2 + 0.5 if ahead / 2 < -0.5 else 0.0
    assert seen["fista"] == pytest.approx([1.5, second, third])


def test_the_momentum_of_fista_grows_as_in_the_paper() -> None:
    """Without penalty and with a constant gradient the steps follow from t_k alone."""
    seen = [0.0]
    ones = torch.ones(1, dtype=torch.float64)
    fista(
        lambda x: -ones, zeros(1), lr=1.0, l1=0.0, steps=30, observe=lambda x: seen.append(x.item())
    )
    x, before, t = [0.0, 1.0], 0.0, 1.0
    for _ in range(29):
        t, t_before = (1 + (1 + 4 * t * t) ** 0.5) / 2, t
        x.append(x[-1] + (t_before - 1) / t * (x[-1] - before) + 1)
        before = x[-2]
    assert seen == pytest.approx(x)


@METHODS
def test_it_stops_at_the_tolerance_and_not_before(method) -> None:
    X, y = problem()
    gradient, lr = least_squares(X, y)
    seen: list[Tensor] = []
    w = method(gradient, zeros(D), lr=lr, l1=ALPHA, steps=50_000, tol=1e-6, observe=seen.append)
    assert 10 < len(seen) < 50_000
    assert torch.equal(w, seen[-1])
    again = ista(gradient, w, lr=lr, l1=ALPHA, steps=1)
    assert (again - w).abs().max() < 2e-6
    assert len(seen) == 1 or (seen[-2] - seen[-3]).abs().max() > 0


def test_fista_does_not_stop_where_it_turns() -> None:
    """Two iterates are equal while the point ahead of them is not: x would move on."""
    points: list[Tensor] = []

    def gradient(y: Tensor) -> Tensor:
        points.append(y)
        back_to_x = y + 2  # the third step ends where the second did, at -2
        return [torch.ones(1), torch.ones(1), back_to_x, torch.zeros(1)][len(points) - 1]

    seen: list[float] = []
    fista(
        gradient, torch.zeros(1), lr=1.0, l1=0.0, steps=9, observe=lambda x: seen.append(x.item())
    )
    assert seen == [-1.0, -2.0, -2.0, -2.0]
    assert points[2].item() < -2.2


def test_the_gradient_may_come_from_autograd() -> None:
    X, y = problem()
    gradient, lr = least_squares(X, y)

    def by_autograd(w: Tensor) -> Tensor:
        w = w.detach().requires_grad_()
        loss = (X @ w - y).square().sum() / (2 * len(y))
        return torch.autograd.grad(loss, w)[0]

    a = fista(by_autograd, zeros(D), lr=lr, l1=ALPHA, steps=300)
    b = fista(gradient, zeros(D), lr=lr, l1=ALPHA, steps=300)
    torch.testing.assert_close(a, b)


@METHODS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, got 0.0"),
        ({"lr": float("nan")}, "lr must be above 0, got nan"),
        ({"lr": torch.tensor([0.1, -0.1])}, "lr must be above 0"),
        ({"l1": -1.0}, "l1 must be at least 0, got -1.0"),
        ({"l1": float("nan")}, "l1 must be at least 0, got nan"),
        ({"l1": torch.tensor([0.1, -0.1])}, "l1 must be at least 0"),
        ({"tol": -1.0}, "tol must be at least 0, got -1.0"),
        ({"tol": float("nan")}, "tol must be at least 0, got nan"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_bad_arguments(method, change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"lr": 0.1, "l1": 0.1, "steps": 3, **change}
    with pytest.raises(ValueError, match=message):
        method(lambda x: x, zeros(2), **arguments)


@METHODS
def test_a_gradient_of_another_shape(method) -> None:
    with pytest.raises(ValueError, match=r"gradient must return the shape \[2\], got \[2, 1\]"):
        method(lambda x: x[:, None], zeros(2), lr=0.1, l1=0.1, steps=3)


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), torch.tensor([0.1, -0.1])])
def test_bad_thresholds(threshold: float | Tensor) -> None:
    with pytest.raises(ValueError, match="threshold must be at least 0"):
        soft_threshold(zeros(2), threshold)
