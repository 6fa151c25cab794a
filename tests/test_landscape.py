"""Directions and surfaces against a loop, curvature against the full Hessian, in float64."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils.curvature import (
    extreme_eigenvalues,
    hessian,
    hessian_index,
    hessian_vector_product,
    power_iteration,
    top_eigenvalue,
)
from course_utils.landscape import random_direction, surface
from course_utils.models import BagOfWordsMLP, ResidualMLP, mlp

OFFSETS = torch.tensor([-0.7, 0.0, 0.4, 1.0], dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cnn() -> nn.Sequential:
    """Convolution, batch norm with running statistics of its own, dropout; in training mode."""
    net = nn.Sequential(
        nn.Conv1d(1, 3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5)
    )
    net.append(nn.Linear(12, 2))
    net.double()(torch.randn(8, 1, 6, generator=generator(), dtype=torch.float64) * 3 + 1)
    return net.train()


def classes(n: int, count: int) -> Tensor:
    return torch.arange(n) % count


def rows(n: int, *shape: int) -> Tensor:
    return torch.randn(n, *shape, generator=generator(1), dtype=torch.float64)


def case(name: str) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    if name == "mlp":
        return mlp(4, 6, 3, activation=nn.Tanh).double(), (rows(9, 4), classes(9, 3))
    if name == "residual":
        return ResidualMLP(4, 5, 3, 2, skip=True).double(), (rows(9, 4), classes(9, 2))
    if name == "cnn":
        return cnn(), (rows(7, 1, 6), classes(7, 2))
    ids = torch.tensor([[0, 2, 5], [1, 3, 9], [4, 9, 9]])  # 9 fills up
    counts = torch.tensor([[1.0, 2, 1], [1, 1, 0], [3, 0, 0]], dtype=torch.float64)
    return BagOfWordsMLP(9, 4, input_dropout=0.5).double(), ((ids, counts), torch.tensor([0, 1, 1]))


CASES = ["mlp", "residual", "cnn", "two inputs"]


def loop(model: nn.Module, data: Any, directions: list[dict[str, Tensor]], offsets: Tensor) -> Any:
    """The surface as one would write it first: a copy of the model at each point, by recursion."""
    if directions:
        moved = []
        for a in offsets:
            there = copy.deepcopy(model)
            for name, p in there.named_parameters():
                p.data = p.data + a * directions[0][name]
            moved.append(loop(there, data, directions[1:], offsets))
        return torch.stack(moved)
    inputs = data[0] if isinstance(data[0], tuple) else (data[0],)
    return F.cross_entropy(copy.deepcopy(model).eval()(*inputs), data[1]).detach()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 2])
def test_surface_equals_a_loop(name: str, count: int) -> None:
    model, data = case(name)
    g = generator()
    directions = [random_direction(model, g) for _ in range(count)]
    directions[0] = {name: d.requires_grad_() for name, d in directions[0].items()}
    expected = loop(model, data, directions, OFFSETS)
    options: list[dict[str, Any]] = [{}, {"chunk_size": 1}, {"chunk_size": 3}]
    for option in options:
        found = surface(model, F.cross_entropy, data, directions, OFFSETS, **option)
        assert found.dtype == torch.float64
        assert not found.requires_grad
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_surface_of_three_directions_and_several_measures() -> None:
    model, data = case("mlp")
    g = generator()
    directions = [random_direction(model, g) for _ in range(3)]

    def measures(outputs: Tensor, targets: Tensor) -> Tensor:
        return torch.stack([F.cross_entropy(outputs, targets), outputs.mean()])

    found = surface(model, measures, data, directions, OFFSETS)
    assert found.shape == (4, 4, 4, 2)
    expected = loop(model, data, directions, OFFSETS)
    torch.testing.assert_close(found[..., 0], expected, rtol=1e-12, atol=1e-12)


class Branching(nn.Module):
    """What vmap cannot take: a decision that depends on a value."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(1, 2, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w.T if self.w.sum().item() > 0 else -x @ self.w.T


def test_models_that_vmap_cannot_take_are_computed_point_by_point() -> None:
    model, data = Branching(), (rows(5, 2), rows(5, 1))
    d = random_direction(model, generator())
    with pytest.raises(RuntimeError, match=r"vmap"):
        surface(model, F.mse_loss, data, [d], OFFSETS)
    found = surface(model, F.mse_loss, data, [d], OFFSETS, vectorize=False)
    expected = [
        F.mse_loss(functional_call(model, {"w": model.w + a * d["w"]}, data[0]), data[1])
        for a in OFFSETS
    ]
    torch.testing.assert_close(found, torch.stack(expected).detach(), rtol=1e-12, atol=1e-12)


def everything(model: nn.Module) -> list[Any]:
    state = [(k, v.clone()) for k, v in model.state_dict(keep_vars=False).items()]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    return [state, grads, [m.training for m in model.modules()]]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def fails(outputs: Tensor, targets: Tensor) -> Tensor:
    raise ArithmeticError("the loss failed")


@pytest.mark.parametrize(
    "measure",
    [
        lambda m, data, d, loss: surface(m, loss, data, [d], OFFSETS),
        lambda m, data, d, loss: surface(m, loss, data, [d], OFFSETS, vectorize=False),
        lambda m, data, d, loss: hessian(m, loss, data),
        lambda m, data, d, loss: top_eigenvalue(m, loss, data, generator=generator(), steps=3),
        lambda m, data, d, loss: extreme_eigenvalues(m, loss, data, generator=generator()),
    ],
)
def test_the_model_is_left_as_it_was(measure: Any) -> None:
    model, data = case("cnn")
    model[4].eval()  # type: ignore[index]  # one module has a mode of its own
    F.cross_entropy(model(data[0]), data[1]).backward()
    before = everything(model)
    d = random_direction(model, generator())
    torch.manual_seed(3)
    random_state = torch.get_rng_state()
    measure(model, data, d, F.cross_entropy)
    assert torch.equal(random_state, torch.get_rng_state())
    assert same(before, everything(model))
    with pytest.raises(ArithmeticError):
        measure(model, data, d, fails)
    assert same(before, everything(model))
    assert all(p.requires_grad for p in model.parameters())


def test_rows_get_the_norms_of_the_weights_and_the_rest_zeros() -> None:
    model = cnn()
    with torch.no_grad():
        model[5].weight[1] = 0
        model[1].weight.fill_(3.0)
    d = random_direction(model, generator())
    assert d.keys() == dict(model.named_parameters()).keys()
    for name, w in model.named_parameters():
        assert d[name].shape == w.shape
        if w.dim() < 2:
            assert not d[name].any(), name
        else:
            norms = [x.detach().flatten(1).norm(dim=1) for x in (d[name], w)]
            torch.testing.assert_close(norms[0], norms[1], rtol=1e-12, atol=0)
    assert d["0.weight"].flatten().unique().numel() == 9, "numbers of their own for each weight"


def test_layer_normalisation_and_none() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 200), nn.Linear(200, 1)).double()
    raw = random_direction(model, generator(), normalize=None)
    assert raw["0.weight"].std().item() == pytest.approx(1, abs=0.02)  # 20 000 numbers
    assert raw["0.weight"].mean().item() == pytest.approx(0, abs=0.03)
    layer = random_direction(model, generator(), normalize="layer")
    for name in ("0.weight", "1.weight"):
        w = model.get_parameter(name)
        assert layer[name].norm().item() == pytest.approx(w.norm().item(), rel=1e-12)
        ratio = layer[name] / raw[name]  # one factor for the whole layer
        torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-9, atol=0)
    assert not raw["0.bias"].any()


def test_directions_follow_from_the_generator_and_not_from_the_dtype() -> None:
    torch.manual_seed(0)
    model = mlp(5, 4, 3)
    g = generator(4)
    first, second = random_direction(model, g), random_direction(model, g)
    assert not torch.equal(first["0.weight"], second["0.weight"])
    wide = random_direction(copy.deepcopy(model).double(), generator(4))
    assert first["0.weight"].dtype == torch.float32
    torch.testing.assert_close(wide["0.weight"].float(), first["0.weight"], rtol=1e-6, atol=0)
    torch.manual_seed(4)
    torch.testing.assert_close(random_direction(model)["0.weight"], first["0.weight"])


def rescaled(model: nn.Sequential, factor: float) -> nn.Sequential:
    """The same function: one ReLU layer times a factor, the next divided by it."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin[0].weight *= factor
        twin[0].bias *= factor
        twin[2].weight /= factor
    return twin


def test_only_normalised_surfaces_are_the_same_for_the_same_function() -> None:
    torch.manual_seed(0)
    model = mlp(4, 6, 5, 3).double()
    twin, data = rescaled(model, 8.0), (rows(20, 4), classes(20, 3))
    torch.testing.assert_close(twin(data[0]), model(data[0]))

    def both(normalize: Any) -> list[Tensor]:
        result = []
        for net in (model, twin):
            g = generator()
            ds = [random_direction(net, g, normalize=normalize) for _ in range(2)]
            result.append(surface(net, F.cross_entropy, data, ds, OFFSETS))
        return result

    for normalize in ("filter", "layer"):
        a, b = both(normalize)
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    a, b = both(None)
    assert (a - b).abs().max() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"directions": []}, "directions must be a list of at least one, got "),
        ({"directions": [{}]}, r"directions\[0\] must have a tensor .* got none for 0.bias"),
        ({"offsets": torch.zeros(2, 2)}, r"offsets must have shape \[K\], K >= 1, got \(2, 2\)"),
        ({"offsets": torch.zeros(0)}, r"offsets must have shape \[K\], K >= 1, got \(0,\)"),
        ({"chunk_size": 0}, "chunk_size must be at least 1, got 0"),
        ({"data": (torch.zeros(3, 4), torch.zeros(2))}, "data must hold inputs and targets"),
        ({"model": nn.ReLU()}, "model must have parameters, got none"),
    ],
)
def test_surface_refuses_what_does_not_fit(change: dict[str, Any], message: str) -> None:
    model, data = case("mlp")
    arguments = {
        "model": model,
        "loss": F.cross_entropy,
        "data": data,
        "directions": [random_direction(model, generator())],
        "offsets": OFFSETS,
    }
    with pytest.raises(ValueError, match=message):
        surface(**(arguments | change))


def test_directions_of_another_model_are_named() -> None:
    model, data = case("mlp")
    other = random_direction(mlp(4, 7, 3), generator())
    with pytest.raises(ValueError, match=r"got \(7,\) for 0.bias, which is \(6,\)"):
        surface(model, F.cross_entropy, data, [other], OFFSETS)
    with pytest.raises(TypeError, match="data must be a pair"):
        surface(model, F.cross_entropy, data[0], [other | random_direction(model)], OFFSETS)


def test_an_unknown_normalisation_is_named() -> None:
    with pytest.raises(
        ValueError, match='normalize must be "filter", "layer" or None, got \'row\''
    ):
        random_direction(nn.Linear(2, 2), normalize="row")  # type: ignore[arg-type]


def reference_hessian(model: nn.Module, data: Any) -> Tensor:
    """`torch.autograd.functional.hessian` of the loss as a function of the flat parameters."""
    model = copy.deepcopy(model).eval()
    inputs = data[0] if isinstance(data[0], tuple) else (data[0],)
    shapes = {name: p.shape for name, p in model.named_parameters()}

    def loss_at(w: Tensor) -> Tensor:
        parts = w.split([s.numel() for s in shapes.values()])
        state = {n: part.view(s) for (n, s), part in zip(shapes.items(), parts, strict=True)}
        return F.cross_entropy(functional_call(model, state, inputs), data[1])

    flat = parameters_to_vector(model.parameters()).detach()
    result: Tensor = torch.autograd.functional.hessian(loss_at, flat)
    return result


@pytest.mark.parametrize("name", CASES)
def test_hessian_and_its_products_equal_autograd(name: str) -> None:
    model, data = case(name)
    expected = reference_hessian(model, data)
    for chunk_size in (5, 256):
        found = hessian(model, F.cross_entropy, data, chunk_size=chunk_size)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    product = hessian_vector_product(model, F.cross_entropy, data)
    for seed in range(3):
        v = torch.randn(len(expected), generator=generator(seed), dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(product(v), expected @ v, rtol=1e-8, atol=1e-10)


def test_the_product_stays_at_the_point_where_it_was_made() -> None:
    model, data = case("mlp")
    expected = reference_hessian(model, data)
    product = hessian_vector_product(model, F.cross_entropy, data)
    flat = parameters_to_vector(model.parameters()).detach()
    vector_to_parameters(flat + 1, model.parameters())
    v = torch.ones_like(flat)
    torch.testing.assert_close(product(v), expected @ v, rtol=1e-8, atol=1e-10)


def test_frozen_parameters_take_no_part() -> None:
    model, data = case("mlp")
    whole = reference_hessian(model, data)
    model[2].requires_grad_(False)  # type: ignore[index]
    first = 6 * 4 + 6
    found = hessian(model, F.cross_entropy, data)
    torch.testing.assert_close(found, whole[:first, :first], rtol=1e-8, atol=1e-10)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="model must have parameters that are not frozen"):
        hessian(model, F.cross_entropy, data)


@pytest.mark.parametrize("name", CASES)
def test_extreme_eigenvalues_equal_those_of_the_full_hessian(name: str) -> None:
    model, data = case(name)
    eigenvalues, vectors = torch.linalg.eigh(reference_hessian(model, data))
    low, high = extreme_eigenvalues(model, F.cross_entropy, data, generator=generator())
    assert low == pytest.approx(eigenvalues[0].item(), rel=1e-4)
    assert high == pytest.approx(eigenvalues[-1].item(), rel=1e-4)
    value, vector = top_eigenvalue(
        model, F.cross_entropy, data, generator=generator(), steps=5000, tolerance=1e-7
    )
    top = eigenvalues.abs().argmax()
    assert value == pytest.approx(eigenvalues[top].item(), rel=1e-4)
    assert abs((vector @ vectors[:, top]).item()) == pytest.approx(1, abs=1e-4)


def matrix(*eigenvalues: float) -> Tensor:
    q = torch.linalg.qr(
        torch.randn(len(eigenvalues), len(eigenvalues), generator=generator()).double()
    )
    return q.Q @ torch.tensor(eigenvalues, dtype=torch.float64).diag() @ q.Q.T


@pytest.mark.parametrize("eigenvalues", [(1.0, 2.0, 3.0), (1.0, -3.0, 2.0), (5.0,)])
def test_power_iteration_finds_the_largest_absolute_value(eigenvalues: tuple[float, ...]) -> None:
    h = matrix(*eigenvalues)
    start = torch.ones(len(h), dtype=torch.float64)
    value, vector = power_iteration(lambda v: h @ v, start, tolerance=1e-9)
    assert value == pytest.approx(max(eigenvalues, key=abs), rel=1e-8)
    torch.testing.assert_close(h @ vector, value * vector, rtol=1e-7, atol=1e-7)
    assert vector.norm().item() == pytest.approx(1, rel=1e-12)


def test_power_iteration_stops() -> None:
    h = matrix(1.0, 2.0, 3.0)
    calls = []

    def product(v: Tensor) -> Tensor:
        calls.append(1)
        return h @ v

    power_iteration(product, torch.ones(3).double(), steps=4, tolerance=0)
    assert len(calls) == 4
    for sign in (1, -1):
        calls.clear()
        power_iteration(lambda v, sign=sign: sign * product(v), torch.ones(3).double())
        assert 1 < len(calls) < 100
    value, vector = power_iteration(lambda v: 0 * v, torch.ones(3).double())
    assert value == 0
    assert torch.isfinite(vector).all()


def test_hessian_index() -> None:
    eigenvalues = torch.tensor([-3.0, -1e-5, 0.0, 1e-5, 2.0])
    assert hessian_index(eigenvalues) == pytest.approx(0.4)
    assert hessian_index(eigenvalues, tolerance=1e-4) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hessian_index(torch.zeros(2, 2)), r"eigenvalues must have shape \[P\], P >= 1"),
        (lambda: hessian_index(torch.zeros(0)), r"eigenvalues must have shape \[P\], P >= 1"),
        (lambda: hessian_index(torch.zeros(2), -1), "tolerance must be at least 0, got -1"),
        (lambda: power_iteration(lambda v: v, torch.zeros(2)), "start must be a vector"),
        (lambda: power_iteration(lambda v: v, torch.ones(2, 2)), "start must be a vector"),
        (lambda: power_iteration(lambda v: v, torch.ones(2), steps=0), "steps must be at least 1"),
        (
            lambda: extreme_eigenvalues(
                nn.Linear(1, 1), F.mse_loss, (torch.ones(2, 1), torch.ones(2, 1))
            ),
            "model must have at least 3 parameters, got 2",
        ),
        (
            lambda: hessian(
                nn.Linear(1, 1), F.mse_loss, (torch.ones(2, 1), torch.ones(2, 1)), chunk_size=0
            ),
            "chunk_size must be at least 1, got 0",
        ),
    ],
)
def test_curvature_refuses_what_does_not_fit(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
