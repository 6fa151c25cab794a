"""The parts of diagnose against scikit-learn, SciPy and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diagnose_cases import batches, blobs, script, subject
from scipy import stats
from sklearn.kernel_ridge import KernelRidge
from torch import Tensor, nn

from course_utils.diagnose import diagnose
from course_utils.diagnose.batches import default_forward, default_target, map_tensors
from course_utils.diagnose.constant import (
    best_constant,
    constant_losses,
    lowest_loss,
    minimize,
    uniform_loss,
)
from course_utils.diagnose.probe import RIDGE, kernels, probe
from course_utils.diagnose.reach import reach
from course_utils.diagnose.running_statistics import _exact
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Skip
from course_utils.diagnose.training import Change, run
from course_utils.models import mlp

X, Y = blobs()


def test_left_out_predictions_are_those_of_refitted_kernel_ridge() -> None:
    x, y = X[:40].double(), Y[:40]
    found = probe(subject(train_batches=batches(x, y, 10), model=mlp(6, 3).double()))
    (kernel,) = kernels(found.features, found.features)
    hot = found.labels.numpy()
    for i in (0, 7, 39):
        rest = np.arange(40) != i
        ridge = KernelRidge(alpha=RIDGE, kernel="precomputed")
        # The mean of all labels is taken as known, as in the probe.
        ridge.fit(kernel.numpy()[np.ix_(rest, rest)], hot[rest] - found.center.numpy())
        expected = ridge.predict(kernel.numpy()[i, rest][None])[0] + found.center.numpy()
        np.testing.assert_allclose(found.left_out[i].numpy(), expected, rtol=1e-9, atol=1e-11)
    errors = ((found.left_out - found.labels) ** 2).sum()
    total = ((found.labels - found.center) ** 2).sum()
    assert found.explained == pytest.approx(float(1 - errors / total))
    weights = KernelRidge(alpha=RIDGE, kernel="precomputed").fit(
        kernel.numpy(), hot - found.center.numpy()
    )
    expected = weights.predict(kernel.numpy()) + found.center.numpy()
    np.testing.assert_allclose(found.predict(found.features).numpy(), expected, atol=1e-10)


def test_the_probe_tells_labels_from_shuffled_ones() -> None:
    scores = []
    for seed in range(8):
        order = torch.randperm(240, generator=torch.Generator().manual_seed(seed))
        scores.append(probe(subject(train_batches=batches(X, Y[order]))).z)
    assert max(scores) < 4
    assert abs(float(np.mean(scores))) < 1.5
    assert probe(subject()).z > 20


def test_tokens_have_kernels_of_places_and_of_bags() -> None:
    none = torch.zeros(2, 0, dtype=torch.float64)
    place, bag = kernels(
        (none, torch.tensor([[1, 2, 3], [3, 2, 1]])), (none, torch.tensor([[1, 2, 3], [4, 4, 4]]))
    )
    torch.testing.assert_close(
        place, torch.tensor([[2.0, 0.0], [2 / 3, 0.0]], dtype=torch.float64).exp()
    )
    torch.testing.assert_close(
        bag, torch.tensor([[2.0, 0.0], [2.0, 0.0]], dtype=torch.float64).exp()
    )


@pytest.mark.parametrize("few", [10, 29])
def test_the_probe_wants_rows(few: int) -> None:
    with pytest.raises(Skip, match=f"needs at least 30 different rows, got {few}"):
        probe(subject(train_batches=[(X[:few], Y[:few])]))
    with pytest.raises(Skip, match="got 7"):
        probe(subject(train_batches=[(X[:7].repeat(9, 1), Y[:7].repeat(9))]))


def shares(y: Tensor) -> Tensor:
    return torch.bincount(y).double() / len(y)


def test_the_best_constant_of_cross_entropy_is_the_entropy() -> None:
    y = torch.where(torch.arange(240) % 5 == 0, Y, 0)
    entropy = -(shares(y) * shares(y).log()).sum().item()
    found = subject(train_batches=batches(X, y))
    assert best_constant(found) == pytest.approx(entropy, abs=1e-5)
    assert uniform_loss(found) == pytest.approx(math.log(3), abs=1e-6)
    assert len(constant_losses(found)) == 8
    twice = subject(train_batches=batches(X, y), loss_fn=nn.CrossEntropyLoss(reduction="sum"))
    assert best_constant(twice) == pytest.approx(30 * entropy, rel=1e-4)


def test_the_best_constant_of_weighted_cross_entropy_is_found() -> None:
    weight = torch.tensor([1.0, 2.0, 5.0])
    found = subject(loss_fn=nn.CrossEntropyLoss(weight, reduction="sum"), train_batches=[(X, Y)])
    p = shares(Y) * weight
    expected = -(p * (p / p.sum()).log()).sum() * 240
    assert best_constant(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("loss_fn", "expected"),
    [
        (F.mse_loss, lambda y: y.var(correction=0)),
        (F.l1_loss, lambda y: (y - y.median()).abs().mean()),
    ],
)
def test_the_best_constant_of_numbers(loss_fn: Any, expected: Any) -> None:
    y = (X[:, :1] ** 3).double()
    found = subject(loss_fn=loss_fn, train_batches=[(X.double(), y)], model=mlp(6, 8, 1).double())
    assert found.task == "numbers"
    assert best_constant(found) == pytest.approx(float(expected(y)), rel=1e-3)


def test_the_best_constant_of_two_classes_and_of_a_sigmoid() -> None:
    y = (torch.arange(240) % 6 == 0).float()[:, None]
    entropy = -(math.log(1 / 6) / 6 + math.log(5 / 6) * 5 / 6)
    for end, loss in (
        (nn.Identity(), nn.BCEWithLogitsLoss()),
        (nn.Sigmoid(), nn.BCELoss()),
    ):
        model = nn.Sequential(mlp(6, 8, 1), end)
        found = subject(model=model, loss_fn=loss, train_batches=batches(X, y))
        assert found.task == "binary"
        assert best_constant(found) == pytest.approx(entropy, abs=1e-4)
        assert uniform_loss(found) == pytest.approx(math.log(2), abs=1e-6)
        assert lowest_loss(found, found.train[0]) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_the_lowest_loss_is_the_entropy_of_smoothed_labels(smoothing: float) -> None:
    found = subject(loss_fn=nn.CrossEntropyLoss(label_smoothing=smoothing))
    q = torch.full((3,), smoothing / 3, dtype=torch.float64)
    q[0] += 1 - smoothing
    expected = -torch.special.xlogy(q, q).sum().item()
    # The sizes of logits are a grid, so a little above.
    assert expected - 1e-6 <= lowest_loss(found, found.train[0]) <= expected + 0.01


def test_minimize_needs_no_rate_and_ends_at_the_goal() -> None:
    z = torch.tensor([3.0, -2.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([1e4, 1e-1], dtype=torch.float64)
    assert minimize(lambda: (scale * (z - 1) ** 2).sum(), [z], steps=30) < 1e-6
    flat = torch.zeros(1, requires_grad=True)
    assert minimize(lambda: (flat * 0).sum() + 5, [flat], steps=30) == 5
    z = torch.tensor([3.0], requires_grad=True)
    assert 0 < minimize(lambda: (z**2).sum(), [z], steps=30, goal=8.0) <= 8
    assert minimize(lambda: (z * torch.nan).sum(), [z], steps=3) == math.inf


@pytest.mark.parametrize(
    ("end", "low", "high"),
    [
        (nn.Identity(), -math.inf, math.inf),
        (nn.ReLU(), 0.0, math.inf),
        (nn.Sigmoid(), 0.0, 1.0),
        (nn.Tanh(), -1.0, 1.0),
        (nn.Softmax(1), 0.0, 1.0),
        (nn.LogSoftmax(1), -math.inf, 0.0),
    ],
)
def test_the_reach_of_outputs(end: nn.Module, low: float, high: float) -> None:
    found = reach(subject(model=nn.Sequential(mlp(6, 8, 3), end)))
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)
    assert found.probabilities == isinstance(end, nn.Softmax)
    assert found.log_probabilities == isinstance(end, nn.LogSoftmax)
    free = torch.randn(5, 3, dtype=torch.float64)
    ends = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid)
    expected = end(free) if isinstance(end, ends) else free
    torch.testing.assert_close(found.link(free, 1), expected)


def test_the_reach_leaves_weights_as_they_were() -> None:
    found = subject()
    before = [p.detach().clone() for p in found.model.parameters()]
    reach(found)
    assert all(torch.equal(a, b) for a, b in zip(before, found.model.parameters(), strict=True))


def test_lower_is_the_paired_t_test() -> None:
    g = torch.Generator().manual_seed(0)
    answers = []
    for shift in torch.linspace(-0.5, 1.5, 21).tolist():
        a = torch.randn(8, generator=g, dtype=torch.float64)
        b = a + shift + 0.8 * torch.randn(8, generator=g, dtype=torch.float64)
        p = stats.ttest_rel(a.numpy(), b.numpy(), alternative="less").pvalue
        assert lower(a, b) == (p < 0.01)
        answers.append(lower(a, b))
    assert {True, False} == set(answers)
    one = torch.ones(8)
    assert lower(one, 2 * one)
    assert not lower(one, one)
    assert lower(one, one * math.inf)
    assert not lower(one * math.nan, one)
    assert lower(one[:1], 1.2 * one[:1])
    assert not lower(one[:2], torch.tensor([3.0, 1.05]))


def test_exact_statistics_are_the_means_of_the_batches() -> None:
    norm = nn.BatchNorm1d(6, momentum=0.3)
    found = subject(model=nn.Sequential(norm, mlp(6, 3)))
    ((mean, var),) = _exact(found, [norm])
    torch.testing.assert_close(mean, X.mean(0))
    torch.testing.assert_close(var, torch.stack([x.var(0) for x, _ in found.train]).mean(0))
    assert norm.momentum == 0.3


def test_a_run_is_the_loop_written_out() -> None:
    found = subject()
    torch.manual_seed(0)
    model = mlp(6, 16, 3)
    model.load_state_dict(found.model.state_dict())
    done = run(found, Change(lr=0.5, steps=11))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    norms = []
    for i in range(11):
        x, y = found.train[i % 8]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        norms.append(model[0].weight.grad.norm().item())
        assert done.losses[i] == pytest.approx(loss.item())
        optimizer.step()
    for name, p in model.named_parameters():
        torch.testing.assert_close(done.state[name], p.detach())
    assert done.seen.norms["0.weight"] == pytest.approx(sum(norms), rel=1e-4)
    assert (done.seen.updates, len(done.seen.slopes), done.rates) == (11, 4, (5e-3, 5e-3))
    assert max(done.seen.slopes) < 0
    after = [F.cross_entropy(model(x), y).item() for x, y in found.train]
    assert done.after.tolist() == pytest.approx(after, rel=1e-5)


def test_a_change_switches_off_decay_and_dropout() -> None:
    model = nn.Sequential(nn.Dropout(0.5), mlp(6, 16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=3.0)
    plain = nn.Sequential(nn.Dropout(0.0), model[1])
    found = subject(model=model, optimizer=optimizer)
    without = run(found, Change(decay=False, dropout=False, steps=5))
    other = subject(
        model=plain, optimizer=torch.optim.AdamW(plain.parameters(), lr=1e-2, weight_decay=0)
    )
    assert without.losses == run(other, Change(steps=5)).losses
    assert without.losses != run(found, Change(steps=5)).losses
    assert (model[0].p, optimizer.param_groups[0]["weight_decay"]) == (0.5, 3.0)


def test_batches_of_any_nesting() -> None:
    batch = {"x": (torch.zeros(2), [torch.ones(1)]), "name": "a", "label": torch.ones(2)}
    moved = map_tensors(batch, lambda path, t: t + len(path))
    assert moved["x"][0].tolist() == [2.0, 2.0]
    assert moved["x"][1][0].tolist() == [4.0]
    assert moved["name"] == "a"
    assert default_target(batch) is batch["label"]
    assert default_forward(lambda **given: sorted(given), batch) == ["name", "x"]
    assert default_forward(lambda a, b: a + b, ((1, 2), 0)) == 3
    with pytest.raises(ValueError, match=r"must have one of the keys .* got \('x',\)"):
        default_target({"x": 1})


def test_the_lectures_network_has_dropout_on_its_inputs_alone() -> None:
    """As the lecture's slides print it: two layers of one name, so the second one is lost."""
    model = nn.Sequential()
    model.add_module("dropout", nn.Dropout(p=0.8))
    model.add_module("l1", nn.Linear(6, 16))
    model.add_module("relu", nn.ReLU())
    model.add_module("dropout", nn.Dropout())
    model.add_module("l2", nn.Linear(16, 3))
    report = diagnose(**script(model=model, only=["train_eval"]))
    messages = [f.message for f in report.findings]
    assert "dropout (dropout, p = 0.5) acts on the inputs, and on no hidden unit" in messages
