import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course_utils.early_stopping import EarlyStopping


def stops_at(stopper: EarlyStopping, values) -> int | None:
    return next((i for i, value in enumerate(values) if stopper.step(value)), None)


def first_cut(values, patience: int, min_delta: float, mode: str) -> int | None:
    """Where PyTorch's scheduler with one evaluation less of patience lowers the rate first."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = ReduceLROnPlateau(
        optimizer, mode=mode, patience=patience - 1, threshold=min_delta, threshold_mode="abs"
    )
    for i, value in enumerate(values):
        schedule.step(value)
        if optimizer.param_groups[0]["lr"] < 1:
            return i
    return None


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("min_delta", [0.0, 0.25])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_stops_where_torch_lowers_the_rate(patience: int, min_delta: float, mode: str) -> None:
    rng = np.random.default_rng(patience)
    found = []
    for _ in range(50):
        # Coarse numbers, so that ties and improvements of exactly min_delta occur.
        trend = np.linspace(3, 0, 40) * (1 if mode == "min" else -1)
        values = np.round(4 * (trend + rng.normal(size=40))) / 4
        stopper = EarlyStopping(patience, min_delta, restore_best=False, mode=mode)
        found.append(stops_at(stopper, values))
        assert found[-1] == first_cut(values, patience, min_delta, mode)
    assert len(set(found)) >= 3  # not always the same answer


def test_best_is_the_first_minimum() -> None:
    values = np.round(np.random.default_rng(0).normal(size=(30, 25)), 1)
    for row in values:
        stopper = EarlyStopping(patience=25, restore_best=False)
        assert stops_at(stopper, row) is None
        assert (stopper.best, stopper.best_step) == (row.min(), row.argmin())


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([3, 2, 1, 1, 1], {"patience": 2}, 4),  # ties are no progress
        ([3, 2.9, 2.8, 2.7], {"patience": 2, "min_delta": 0.15}, None),  # slow steps add up
        ([3, 2.9, 2.8, 2.7], {"patience": 1, "min_delta": 0.15}, 1),
        ([3, 4, 2, 4, 4], {"patience": 2}, 4),  # progress resets the count
        ([3, math.nan, math.nan], {"patience": 2}, 2),  # NaN is no progress
        ([math.nan, math.nan], {"patience": 2}, 1),
        ([math.nan, 1.0, 2.0], {"patience": 2}, None),
        ([0.1, 0.5, 0.4, 0.3], {"patience": 2, "mode": "max"}, 3),
    ],
)
def test_scripted_losses(values, options, expected) -> None:
    assert stops_at(EarlyStopping(restore_best=False, **options), values) == expected


def model_with_buffers() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def shift(model: nn.Module) -> None:
    """Change every parameter and buffer in place, as an optimizer and a forward pass do."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.add_(1)


def run(stopper: EarlyStopping, model: nn.Module, losses) -> list[dict[str, torch.Tensor]]:
    """Step through the losses, the model changing before each; return the states it had."""
    states = []
    for loss in losses:
        shift(model)
        states.append({n: t.clone() for n, t in model.state_dict().items()})
        if stopper.step(torch.tensor(loss), model):
            break
    return states


def equal(model: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(t, state[n]) for n, t in model.state_dict().items())


def test_restores_parameters_and_buffers_of_the_best_evaluation() -> None:
    model = model_with_buffers()
    identities = [id(p) for p in model.parameters()]
    states = run(EarlyStopping(patience=2), model, [3.0, 1.0, 2.0, 2.0, 0.0])
    assert len(states) == 4
    assert equal(model, states[1])
    assert not equal(model, states[3])
    assert [id(p) for p in model.parameters()] == identities  # the optimizer still holds them


def test_restore_ends_a_loop_that_did_not_stop() -> None:
    model, stopper = model_with_buffers(), EarlyStopping(patience=9)
    states = run(stopper, model, [3.0, 1.0, 2.0])
    assert equal(model, states[2])
    stopper.restore(model)
    assert equal(model, states[1])
    shift(model)  # the copy is not tied to the model after it was restored
    stopper.restore(model)
    assert equal(model, states[1])


class Counter(nn.Module):
    """A module with a state that is not a tensor, and a version of its format."""

    _version = 3

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.loaded_version = [0], None

    def get_extra_state(self) -> list[int]:
        return self.seen

    def set_extra_state(self, state: list[int]) -> None:
        self.seen = list(state)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest) -> None:
        self.loaded_version = local_metadata.get("version")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def test_restores_what_state_dict_holds_besides_tensors() -> None:
    model, stopper = nn.Sequential(Counter()), EarlyStopping(patience=1)
    for loss in (2.0, 1.0, 3.0):
        model[0].seen[0] += 1  # in place
        stopper.step(loss, model)
    assert model[0].seen == [2]
    assert model[0].loaded_version == 3


def test_without_restore_best_the_model_is_left_alone() -> None:
    model = model_with_buffers()
    stopper = EarlyStopping(patience=1, restore_best=False)
    states = run(stopper, model, [1.0, 2.0])
    assert equal(model, states[1])
    with pytest.raises(RuntimeError, match="no best evaluation"):
        stopper.restore(model)


def test_nan_from_the_start_stops_and_changes_nothing() -> None:
    model = model_with_buffers()
    states = run(EarlyStopping(patience=2), model, [math.nan] * 3)
    assert len(states) == 2
    assert equal(model, states[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"min_delta": -0.1}, "min_delta must be non-negative and finite, got -0.1"),
        ({"min_delta": math.nan}, "min_delta must be non-negative and finite, got nan"),
        ({"mode": "up"}, 'mode must be "min" or "max", got \'up\''),
    ],
)
def test_bad_arguments_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)


def test_a_model_is_needed_to_restore() -> None:
    with pytest.raises(ValueError, match="model must be given"):
        EarlyStopping().step(1.0)
