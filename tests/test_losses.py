"""Smoothed cross-entropy, calibration error, temperature."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from course_utils.losses import (
    convert_smoothing,
    cross_entropy,
    expected_calibration_error,
    temperature_scale,
)


def logits_and_targets(n: int, classes: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Logits and targets drawn from their softmax: perfectly calibrated."""
    g = torch.Generator().manual_seed(n + classes)
    z = scale * torch.randn(n, classes, dtype=torch.float64, generator=g)
    return z, torch.multinomial(z.softmax(1), 1, generator=g).squeeze(1)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_torch_convention_equals_torch_with_gradients(classes: int, smoothing: float) -> None:
    z, y = logits_and_targets(50, classes, scale=5.0)
    mine, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    a = cross_entropy(mine, y, smoothing)
    b = F.cross_entropy(theirs, y, label_smoothing=smoothing)
    torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)
    pairs = zip(torch.autograd.grad(a, mine), torch.autograd.grad(b, theirs), strict=True)
    for mine_grad, their_grad in pairs:
        torch.testing.assert_close(mine_grad, their_grad, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_slide_convention_is_its_formula(classes: int, smoothing: float) -> None:
    z, y = logits_and_targets(50, classes)
    q = torch.full_like(z, smoothing / (classes - 1))
    q[torch.arange(50), y] = 1 - smoothing
    expected = -(q * z.log_softmax(1)).sum(1).mean()
    actual = cross_entropy(z, y, smoothing, "slide")
    torch.testing.assert_close(actual, expected, atol=1e-12, rtol=1e-12)


def test_the_conventions_differ_and_agree_after_conversion() -> None:
    z, y = logits_and_targets(50, 10)
    same = cross_entropy(z, y, convert_smoothing(0.1, 10, to="slide"), "slide")
    torch.testing.assert_close(same, cross_entropy(z, y, 0.1), atol=1e-12, rtol=1e-12)
    assert abs(cross_entropy(z, y, 0.1, "slide") - cross_entropy(z, y, 0.1)) > 1e-3


@given(e=st.floats(0, 1), classes=st.integers(2, 1000))
def test_conversion_goes_there_and_back(e: float, classes: int) -> None:
    there = convert_smoothing(e, classes, to="slide")
    assert there == pytest.approx(e * (classes - 1) / classes)
    assert convert_smoothing(there, classes, to="torch") == pytest.approx(e)


def test_a_masked_class_costs_nothing_without_smoothing() -> None:
    z = torch.tensor([[1.0, 2.0, -math.inf]])
    y = torch.tensor([0])
    torch.testing.assert_close(cross_entropy(z, y), F.cross_entropy(z, y))


def test_large_logits_do_not_overflow() -> None:
    z = torch.tensor([[1e4, 0.0]])
    assert cross_entropy(z, torch.tensor([1]), 0.1).isfinite()


def test_cross_entropy_runs_under_vmap() -> None:
    z, y = logits_and_targets(60, 3)
    together = torch.func.vmap(lambda a, b: cross_entropy(a, b, 0.1))(
        z.reshape(4, 15, 3), y.reshape(4, 15)
    )
    one_by_one = [cross_entropy(a, b, 0.1) for a, b in zip(z.split(15), y.split(15), strict=True)]
    torch.testing.assert_close(together, torch.stack(one_by_one))


def test_a_wrong_target_is_named_under_vmap_too() -> None:
    z, y = torch.zeros(2, 4, 3), torch.zeros(2, 4, dtype=torch.long)
    y[1, 2] = 5
    with pytest.raises(ValueError, match=r"target must lie in 0 \.\.\. 2 .* index 5"):
        torch.func.vmap(cross_entropy)(z, y)


def test_calibrated_predictions_have_no_calibration_error() -> None:
    z, y = logits_and_targets(100_000, 4, scale=2.0)
    assert expected_calibration_error(z.softmax(1), y) < 0.01
    assert expected_calibration_error((3 * z).softmax(1), y) > 0.1


def test_calibration_error_by_hand() -> None:
    p = torch.tensor([0.95, 0.95, 0.9, 0.65, 0.6, 0.55], dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 0, 1, 1])  # predicted: class 0 each time
    both = torch.stack([p, 1 - p], dim=1)
    # Bins of width 0.25, upper end inside: (0.75, 1] has 3 texts, accuracy 2/3; (0.5, 0.75] 1/3.
    by_hand = 0.5 * abs(2 / 3 - 2.8 / 3) + 0.5 * abs(1 / 3 - 1.8 / 3)
    assert expected_calibration_error(both, y, bins=4) == pytest.approx(by_hand, abs=1e-12)
    one_bin = abs(3 / 6 - 4.6 / 6)
    assert expected_calibration_error(both, y, bins=1) == pytest.approx(one_bin, abs=1e-12)


def test_the_upper_end_of_a_bin_belongs_to_it() -> None:
    p = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.6, 0.15]], dtype=torch.float64)
    y = torch.tensor([1, 1])  # gaps -0.5 in (0.25, 0.5] and +0.4 in (0.5, 0.75]
    assert expected_calibration_error(p, y, bins=4) == pytest.approx(0.45, abs=1e-12)
    sure = torch.tensor([[1.0, 0.0]])
    assert expected_calibration_error(sure, torch.tensor([1])) == 1.0
    assert expected_calibration_error(sure, torch.tensor([0])) == 0.0


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_temperature_is_recovered(temperature: float) -> None:
    z, y = logits_and_targets(100_000, 5, scale=2.0)
    found = temperature_scale((z * temperature).float(), y)
    assert found == pytest.approx(temperature, rel=0.02)


def test_temperature_has_the_smallest_loss() -> None:
    z, y = logits_and_targets(300, 3)
    z = 4 * z
    best = temperature_scale(z, y)
    losses = [float(F.cross_entropy(z / (best * f), y)) for f in (1.0, 0.999, 1.001)]
    assert losses[0] < min(losses[1:])
    p = (z / best).softmax(1)
    slope = (p * z).sum(1).mean() - z.gather(1, y[:, None]).mean()
    assert abs(float(slope)) < 1e-10


def test_temperature_stays_within_its_limits() -> None:
    right = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    assert temperature_scale(right, torch.tensor([0, 1])) == pytest.approx(0.01)
    assert temperature_scale(right, torch.tensor([1, 0])) == pytest.approx(100)


Z, Y = torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)
P = torch.full((4, 3), 1 / 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cross_entropy(Z, Y, -0.1), ValueError, r"label_smoothing must lie in .* got -0.1"),
        (lambda: cross_entropy(Z, Y, 1.1, "slide"), ValueError, "label_smoothing must lie in"),
        (lambda: cross_entropy(Z, Y, math.nan), ValueError, "label_smoothing must lie in"),
        (lambda: cross_entropy(Z, Y, 0.1, "lecture"), ValueError, "convention must be"),  # type: ignore[arg-type]
        (lambda: cross_entropy(Z, Y[:3]), ValueError, r"target must be \[4\], got \(3,\)"),
        (lambda: cross_entropy(Z, Y[:, None]), ValueError, "target must be"),
        (lambda: cross_entropy(Z[0], Y), ValueError, r"logits must be \[N, C\]"),
        (lambda: cross_entropy(Z[:, :1], Y), ValueError, r"logits must be \[N, C\]"),
        (lambda: cross_entropy(Z[:0], Y[:0]), ValueError, r"logits must be \[N, C\]"),
        (lambda: cross_entropy(Z, Y.float()), TypeError, "target must hold integers, got torch.fl"),
        (lambda: cross_entropy(Z, Y.bool()), TypeError, "target must hold integers"),
        (lambda: cross_entropy(Z, Y + 3), ValueError, r"lie in 0 \.\.\. 2 .*index 3 is"),
        (lambda: cross_entropy(Z, Y - 100), ValueError, "no ignore_index.*-100"),
        (lambda: convert_smoothing(0.1, 1, "slide"), ValueError, "classes must be at least 2"),
        (lambda: convert_smoothing(-1, 3, "torch"), ValueError, "label_smoothing must lie in"),
        (lambda: convert_smoothing(0, 3, "x"), ValueError, "convention must be"),  # type: ignore[arg-type]
        (lambda: expected_calibration_error(P, Y, 0), ValueError, "bins must be at least 1"),
        (lambda: expected_calibration_error(Z + 1, Y), ValueError, "use softmax"),
        (lambda: expected_calibration_error(P * math.nan, Y), ValueError, "use softmax"),
        (lambda: expected_calibration_error(P, Y[:2]), ValueError, "target must be"),
        (lambda: temperature_scale(Z, Y.float()), TypeError, "target must hold integers"),
        (lambda: expected_calibration_error(P, Y - 1), ValueError, "target must lie in"),
        (lambda: temperature_scale(Z, Y + 3), ValueError, "target must lie in"),
        (lambda: temperature_scale(Z, Y[:2]), ValueError, "target must be"),
    ],
)
def test_bad_arguments(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
