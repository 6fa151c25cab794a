import numpy as np
import pytest
import torch
from scipy import stats
from scipy.stats import qmc

from course_utils.search import Halving, grid, log_uniform, sobol, successive_halving


@pytest.mark.parametrize("d", range(1, 9))
def test_sobol_equals_scipy_and_torch(d: int) -> None:
    ours = sobol(512, d).numpy()
    assert np.array_equal(ours, qmc.Sobol(d, scramble=False, bits=30).random(512))
    theirs = torch.quasirandom.SobolEngine(d).draw(512, dtype=torch.float64)
    assert np.array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("n", [1, 2, 3, 27, 100])
def test_any_number_of_sobol_points_is_the_start_of_the_sequence(n: int) -> None:
    assert torch.equal(sobol(n, 5), sobol(128, 5)[:n])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_shifted_net_has_one_point_in_each_cell(seed: int) -> None:
    points = sobol(64, 5, seed)
    for axis in range(5):
        assert sorted((points[:, axis] * 64).long().tolist()) == list(range(64))
    pairs = (points[:, :2] * 8).long()
    assert len({tuple(pair) for pair in pairs.tolist()}) == 64
    assert 0 <= points.min() < points.max() < 1


def test_shifts_are_uniform_and_follow_the_seed() -> None:
    first = torch.stack([sobol(1, 2, seed)[0] for seed in range(500)]).numpy()
    for axis in range(2):
        assert stats.kstest(first[:, axis], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first.T)[0, 1]) < 0.2
    assert torch.equal(sobol(9, 3, 4), sobol(9, 3, 4))


def test_sobol_is_spread_more_evenly_than_random_points() -> None:
    random = torch.rand(64, 3, generator=torch.Generator().manual_seed(0)).numpy()
    assert qmc.discrepancy(sobol(64, 3, 0).numpy()) < 0.5 * qmc.discrepancy(random)


@pytest.mark.parametrize(("low", "high"), [(1e-5, 1.0), (0.5, 30.0)])
def test_log_uniform_equals_scipy(low: float, high: float) -> None:
    u = torch.rand(4000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = log_uniform(u, low, high)
    assert low <= x.min() < x.max() <= high
    assert stats.kstest(x.numpy(), stats.loguniform(low, high).cdf).pvalue > 1e-3
    assert np.allclose(x, stats.loguniform(low, high).ppf(u.numpy()), rtol=1e-12)


def test_grid_has_every_combination_once() -> None:
    points = grid(3, 4, shift=torch.tensor([0.0, 0.25, 0.5, 1.0]))
    assert points.shape == (81, 4)
    assert len({tuple(p) for p in points.tolist()}) == 81
    for axis, shift in enumerate([0.0, 0.25, 0.5, 1.0]):
        assert points[:, axis].unique().tolist() == pytest.approx(
            [(i + shift) / 3 for i in range(3)]
        )


def curves(candidates: int, steps: int, seed: int = 0) -> torch.Tensor:
    """Errors [steps + 1, candidates] that fall with the steps, at different speeds."""
    generator = torch.Generator().manual_seed(seed)
    end, speed = torch.rand(2, candidates, generator=generator, dtype=torch.float64)
    t = torch.arange(steps + 1, dtype=torch.float64)[:, None]
    return end + torch.exp(-speed * t / 10)


@pytest.mark.parametrize(
    ("candidates", "budgets", "factor", "spent"),
    [
        (27, [9, 27, 81], 3, 27 * 9 + 9 * 18 + 3 * 54),
        (10, [1, 2, 4], 2, 10 + 5 * 1 + 2 * 2),
        (2, [1, 5, 10], 3, 2 * 1 + 1 * 9),
        (5, [7], 3, 5 * 7),
    ],
)
def test_halving_spends_and_finds(candidates, budgets, factor, spent) -> None:
    table, asked = curves(candidates, budgets[-1]), []

    def errors(rows, steps):
        asked.append((list(rows), steps))
        return table[steps][list(rows)]

    found = successive_halving(errors, candidates, budgets, factor)
    rows = list(range(candidates))
    for number, steps in enumerate(budgets):
        assert sorted(asked[number][0]) == sorted(rows)
        assert asked[number][1] == steps
        ranked = sorted(rows, key=lambda row: table[steps, row])
        rows = ranked[: max(1, len(rows) // factor)]
    assert found == Halving(ranked[0], table[budgets[-1], ranked[0]].item(), spent)


@pytest.mark.parametrize("budgets", [[1, 2], [1]])  # NaN at a comparison, and at the last one
def test_halving_drops_a_candidate_that_diverged(budgets) -> None:
    final = [float("nan"), 0.5, 0.4]
    found = successive_halving(lambda rows, _: [final[i] for i in rows], 3, budgets)
    assert (found.winner, found.error) == (2, 0.4)


def test_halving_keeps_the_first_of_equals() -> None:
    found = successive_halving(lambda rows, _: [0.5] * len(rows), 9, [1, 2, 3])
    assert found.winner == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: log_uniform(torch.rand(1), 0.0, 1.0), ValueError, "got 0.0 and 1.0"),
        (lambda: log_uniform(torch.rand(1), 2.0, 1.0), ValueError, "got 2.0 and 1.0"),
        (lambda: grid(0, 2), ValueError, "per_axis must be at least 1, got 0"),
        (lambda: grid(2, 2, 1.5), ValueError, "shift must lie in"),
        (lambda: grid(2, 2, -0.5), ValueError, "shift must lie in"),
        (lambda: sobol(4, 9), ValueError, "d at most 8, got 4 and 9"),
        (lambda: sobol(2**30 + 1, 1), ValueError, "n must be at most 2"),
        (lambda: sobol(2.0, 1), TypeError, "n must be an integer"),
        (lambda: successive_halving(lambda *_: [0.0], 1, []), ValueError, "budgets"),
        (lambda: successive_halving(lambda *_: [0.0], 1, [3, 3]), ValueError, "budgets"),
        (lambda: successive_halving(lambda *_: [0.0], 1, [0, 3]), ValueError, "budgets"),
        (lambda: successive_halving(lambda *_: [0.0], 0, [3]), ValueError, "candidates"),
        (lambda: successive_halving(lambda *_: [0.0], 1, [3], 1), ValueError, "factor"),
    ],
)
def test_bad_input_is_named(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
