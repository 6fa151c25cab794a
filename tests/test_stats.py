import numpy as np
import pytest
import torch
from scipy import stats

from course_utils.stats import Estimate, mean_ci, paired_ci, proportion_ci


@pytest.mark.parametrize("n", [2, 5, 40])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_mean_ci_equals_scipy(n: int, level: float) -> None:
    x = np.random.default_rng(n).normal(3, 2, n)
    low, high = stats.t.interval(level, n - 1, loc=x.mean(), scale=stats.sem(x))
    assert mean_ci(x, level) == pytest.approx((x.mean(), low, high, n, level), abs=1e-12)


def test_paired_ci_equals_scipy() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 12))
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    estimate = paired_ci(torch.tensor(a, requires_grad=True), b)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected), abs=1e-12)


def test_coverage_by_simulation() -> None:
    experiments = np.random.default_rng(1).normal(0.3, 1, (4000, 5))
    covered = np.mean([e.low < 0.3 < e.high for e in map(mean_ci, experiments)])
    assert 0.94 < covered < 0.96  # the standard error of this share is 0.0034


def test_pairing_removes_what_the_seeds_share() -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 5, 10)
    a, b = shared + 1 + rng.normal(0, 0.1, 10), shared + rng.normal(0, 0.1, 10)
    assert paired_ci(a, b).low > 0.8
    assert mean_ci(a).half_width > 10 * paired_ci(a, b).half_width


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 17), (3, 17), (17, 17), (48, 51)])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_proportion_ci_equals_scipy(k: int, n: int, level: float) -> None:
    low, high = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert proportion_ci(k, n, level) == pytest.approx((k / n, low, high, n, level), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: proportion_ci(3, 2), r"successes must lie in 0 \.\.\. trials, got 3 of 2"),
        (lambda: proportion_ci(-1, 2), "got -1 of 2"),
        (lambda: proportion_ci(0, 0), "got 0 of 0"),
        (lambda: proportion_ci(1, 2, level=1.0), "level must be between 0 and 1, got 1"),
        (lambda: mean_ci([1.0]), "at least 2"),
        (lambda: mean_ci([[1.0, 2.0]]), "one-dimensional"),
        (lambda: mean_ci([1.0, float("nan")]), "finite"),
        (lambda: mean_ci([1.0, 2.0], level=95), "level must be between 0 and 1, got 95"),
        (lambda: paired_ci([1.0, 2.0], [1.0, 2.0, 3.0]), r"same shape, got \(2,\) and \(3,\)"),
    ],
)
def test_bad_input_is_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_format() -> None:
    estimate = Estimate(0.5, 0.25, 0.75, 3)
    assert str(estimate) == "0.5 ± 0.25"
    assert f"{estimate:+.2f}" == "+0.50 ± 0.25"
    assert f"{estimate:.0%}" == "50 ± 25 %"
    assert f"{estimate:+.1pp}" == "+50.0 ± 25.0 pp"
