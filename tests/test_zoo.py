"""`course_utils.zoo`: healthy scripts train, each bug harms, and `diagnose` tells them apart."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from torch import Tensor

from course_utils.diagnose import Finding, Report
from course_utils.zoo import (
    BUGS,
    HEALTHY,
    HELD_OUT,
    Script,
    alarms,
    examine,
    healthy,
    loader,
    parts,
    planted,
    rows,
)

EPOCHS = 7
# The number that is wrong, where it is not that of validation: see the test of that name.
STOPS = {"labels_from_one": "out of bounds", "graph_kept": "backward through the graph"}
FLATTERS = ["val_in_train", "label_column"]
DEPENDS_ON_THE_BATCH = [
    "softmax_over_the_batch",
    "batch_first_forgotten",
    "reshaped_for_transposed",
]
NOT_REPEATABLE = ["not_seeded"]
ELSEWHERE = {*STOPS, *FLATTERS, "softmax_over_the_batch", *NOT_REPEATABLE}
# More epochs: what batch norm and dropout are for is seen when a network starts to overfit.
LONGER = {
    "evaluation_mode": 30,
    "raw_pixels": 10,
    "no_activation": 10,
    "val_in_train": 10,
    "spiral": 10,
}
# Effects that are small, or there with some seeds only, are means over three.
SMALL = ["raw_pixels", "divided_by_nearly_zero", "no_activation"]


EVERY = BUGS | HELD_OUT
# The factor from the healthy script's unit of the loss to its own.
UNITS = {"targets_not_scaled": 77**2}


def trained(script: Script, seed: int, epochs: int = EPOCHS) -> Script:
    torch.manual_seed(seed)
    script.fit(epochs)
    return script


@cache
def healthy_losses(name: str, seed: int, epochs: int) -> tuple[float, float]:
    """Validation and test loss of a healthy script."""
    script = trained(HEALTHY[name](seed), seed, epochs)
    return script.evaluate(script.val), script.evaluate(script.test)


def state(script: Script) -> dict[str, Tensor]:
    return script.model.state_dict()


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_there_are_enough_of_each_kind() -> None:
    kinds = [bug.kind for bug in BUGS.values()]
    assert len(BUGS) >= 30
    assert min(kinds.count(kind) for kind in ("data", "model", "loss", "optimizer", "loop")) >= 5
    assert len(HEALTHY) >= 12
    assert all(len(bug.text) > 20 and bug.text.endswith(".") for bug in EVERY.values())
    assert not set(BUGS) & set(HELD_OUT)
    assert {*ELSEWHERE, *DEPENDS_ON_THE_BATCH, *SMALL} <= set(BUGS)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_script_trains(name: str) -> None:
    script = HEALTHY[name](0)
    start = script.evaluate(script.val)
    after, test = healthy_losses(name, 0, LONGER.get(name, EPOCHS))
    # The least gain is that of the spiral and of diabetes, where half of the variance is noise.
    assert after < 0.6 * start
    assert max(after, test) < 2 * min(after, test) + 0.05


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_script_follows_from_its_seed(name: str) -> None:
    random_state = torch.get_rng_state()
    first, again, other = HEALTHY[name](0), HEALTHY[name](0), HEALTHY[name](1)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert equal(state(first), state(again))
    assert not equal(state(first), state(other))
    torch.manual_seed(0)
    model, optimizer = first.build()
    assert equal(state(first), model.state_dict())
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}


def test_splits_of_a_healthy_script_share_no_row() -> None:
    for name in set(HEALTHY) - {"digits_dict", "spiral"}:  # all arms of a spiral start at 0
        splits = [x.flatten(1) for x, _ in HEALTHY[name](0).splits]
        rows_of = [{tuple(row.tolist()) for row in x} for x in splits]
        assert not rows_of[0] & rows_of[1]
        assert not rows_of[0] & rows_of[2]
        assert not rows_of[1] & rows_of[2]


WORSE = [name for name in EVERY if name not in ELSEWHERE]


# PyTorch itself warns of targets that are broadcast, and of what kl_div will do one day.
@pytest.mark.filterwarnings("ignore:Using a target size", "ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name", WORSE)
def test_validation_gets_worse(name: str) -> None:
    """Mean over seeds of (loss with the bug) / (without), by the loss of the healthy script."""
    bug, epochs = EVERY[name], LONGER.get(name, EPOCHS)
    ratios = []
    for seed in range(3 if name in SMALL else 1):
        script = trained(planted(name, seed), seed, epochs)
        bad = script.evaluate(script.val, bug.healthy(seed).loss_fn)
        good = healthy_losses(bug.base.__name__, seed, epochs)[0] * UNITS.get(name, 1)
        ratios.append(bad / good)
    mean = sum(ratios) / len(ratios)
    assert not mean < 1.15, ratios  # not: a NaN is worse than any number


@pytest.mark.parametrize("name", STOPS)
def test_the_script_stops_with_an_error(name: str) -> None:
    with pytest.raises((IndexError, RuntimeError), match=STOPS[name]):
        planted(name, 0).fit(1)


@pytest.mark.parametrize("name", FLATTERS)
def test_validation_flatters(name: str) -> None:
    """Its loss is far below that of test, which is that of new data."""
    script = trained(planted(name, 0), 0, LONGER.get(name, EPOCHS))
    assert script.evaluate(script.val) < 0.5 * script.evaluate(script.test)
    val, test = healthy_losses("digits_mlp", 0, EPOCHS)
    assert val > 0.7 * test


@pytest.mark.parametrize("name", DEPENDS_ON_THE_BATCH)
def test_an_output_depends_on_the_rest_of_the_batch(name: str) -> None:
    bug = BUGS[name]
    for script, equal_rows in ((bug.script(0), False), (bug.healthy(0), True)):
        x = rows(script.val)[0][:50]
        others = torch.cat([x[:1].expand(49, *x.shape[1:]), x[-1:]])
        script.model.eval()
        with torch.no_grad():
            first, second = script.model(x)[-1], script.model(others)[-1]
        assert torch.allclose(first, second, atol=1e-5) == equal_rows


@pytest.mark.parametrize("name", NOT_REPEATABLE)
def test_two_runs_with_one_seed_differ(name: str) -> None:
    assert not equal(state(planted(name, 0)), state(planted(name, 0)))


def test_only_those_are_not_repeatable() -> None:
    for name in set(EVERY) - set(NOT_REPEATABLE):
        script = planted(name, 0)
        torch.manual_seed(0)
        model, _ = script.build()
        assert equal(state(script), model.state_dict()), name


def test_a_plant_leaves_the_healthy_script_and_its_data_alone() -> None:
    before = copy.deepcopy(rows(healthy(0).train))
    for name in EVERY:
        planted(name, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, rows(healthy(0).train), strict=True))


def test_a_bug_without_its_plant_is_the_healthy_script() -> None:
    for bug in EVERY.values():
        assert bug.base.__name__ in HEALTHY
        assert equal(state(bug.healthy(3)), state(HEALTHY[bug.base.__name__](3)))


def test_fit_and_evaluate_are_what_everybody_writes() -> None:
    script, other = healthy(0), healthy(0)
    torch.manual_seed(5)
    losses = script.fit(2)
    torch.manual_seed(5)
    expected = []
    for x, y in [batch for _ in range(2) for batch in other.train]:
        loss = torch.nn.functional.cross_entropy(other.model(x), y)
        other.optimizer.zero_grad()
        loss.backward()
        other.optimizer.step()
        expected.append(loss.item())
    assert losses == expected
    x, y = rows(script.val)
    with torch.no_grad():
        direct = float(torch.nn.functional.cross_entropy(other.model(x), y))
    assert script.evaluate(script.val) == pytest.approx(direct, rel=1e-5)


def test_parts_and_rows() -> None:
    x, y = torch.zeros(3, 2), torch.zeros(3)
    inputs, target = parts({"a": x, "labels": y})
    assert list(inputs) == ["a"]
    assert target is y
    assert parts((x, y)) == (x, y)
    assert rows(loader(x, y)) == (x, y)
    with pytest.raises(TypeError, match="must come from loader"):
        rows([(x, y)])
    with pytest.raises(KeyError):
        planted("no_such_bug", 0)


def test_a_script_uses_the_splits_it_is_given_and_shuffles_train_only() -> None:
    script = healthy(0)
    splits = [(torch.arange(120.0)[:, None] + k, torch.arange(120) + k) for k in (0, 1, 2)]
    script.use(*splits)
    for given, used in zip(splits, script.splits, strict=True):
        assert used == given
    for k, batches in enumerate((script.train, script.val, script.test)):
        drawn = [(x, y) for x, y in batches]
        assert [len(y) for _, y in drawn] == [50, 50, 20]
        y = torch.cat([y for _, y in drawn])
        assert torch.equal(torch.cat([x for x, _ in drawn])[:, 0], y.float())
        assert torch.equal(y, torch.arange(120) + k) == (k > 0)
        assert torch.equal(y.sort().values, torch.arange(120) + k)


def test_notes_are_no_alarms() -> None:
    found = [Finding("a", "note", ""), Finding("b", "warning", ""), Finding("c", "error", "")]
    assert alarms(Report(found, passed=["d"], skipped={"e": "why"})) == {"b", "c"}


def test_diagnose_gets_all_parts_of_a_script() -> None:
    report = examine(healthy(0), only=["zero_grad", "splits", "reproducibility"])
    assert not report.skipped
    assert sorted(report.passed) == ["reproducibility", "splits", "zero_grad"]
    assert alarms(examine(planted("not_seeded", 0), only=["reproducibility"]))
    assert alarms(examine(planted("no_zero_grad", 0), only=["zero_grad"]))


@cache
def alarms_on_healthy(name: str, seed: int) -> frozenset[str]:
    return frozenset(alarms(examine(HEALTHY[name](seed), seed)))


@pytest.mark.parametrize("name", HEALTHY)
def test_diagnose_accuses_no_healthy_script(name: str) -> None:
    assert not alarms_on_healthy(name, 0)


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_diagnose_finds_nine_bugs_of_ten() -> None:
    missed = [
        name
        for name, bug in BUGS.items()
        if not alarms(examine(planted(name, 0), 0)) - alarms_on_healthy(bug.base.__name__, 0)
    ]
    assert len(missed) <= 0.1 * len(BUGS), missed
