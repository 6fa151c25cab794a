"""Where to look for good hyperparameters, and when to stop looking: points and their rationing.

Points lie in the unit cube [0, 1]^d, one axis for each hyperparameter; `log_uniform` stretches an
axis to the range of a learning rate. So one strategy serves any search space.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.arguments import check_counts

BITS = 30  # of a coordinate of `sobol`: there are 2^30 points

# Joe and Kuo 2008 (new-joe-kuo-6): for each axis after the first the degree s and the inner
# coefficients a (as bits) of a primitive polynomial, and the starting odd numbers m_1 ... m_s.
POLYNOMIALS = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
)


def log_uniform(u: Tensor, low: float, high: float) -> Tensor:
    """Stretch u in [0, 1] to [low, high] so that every decade has the same share.

        x = low (high / low)^u,    so log x is uniform when u is

    ``low`` and ``high``: positive. ValueError unless 0 < low < high.

    >>> log_uniform(torch.tensor([0.0, 0.5, 1.0]), 1e-4, 1.0)
    tensor([1.0000e-04, 1.0000e-02, 1.0000e+00])
    """
    if not 0 < low < high:
        raise ValueError(f"low and high must satisfy 0 < low < high, got {low} and {high}")
    return low * (high / low) ** u


def grid(per_axis: int, d: int, shift: float | Tensor = 0.5) -> Tensor:
    """All per_axis^d points of a grid in the unit cube, [per_axis^d, d].

    Each axis is cut into cells of equal length. ``shift`` in [0, 1], one number or [d], says where
    in its cell a point lies: 0.5 is the centre. ValueError for a shift outside, TypeError and
    ValueError for counts that are no integers or below 1.

    >>> grid(2, 2).tolist()
    [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    """
    check_counts(per_axis=per_axis, d=d)
    shift = torch.as_tensor(shift, dtype=torch.float64)
    if not ((shift >= 0) & (shift <= 1)).all():
        raise ValueError(f"shift must lie in [0, 1], got {shift.tolist()}")
    cells = torch.tensor(list(itertools.product(range(per_axis), repeat=d)), dtype=torch.float64)
    return (cells + shift) / per_axis


def sobol(n: int, d: int, seed: int | None = None) -> Tensor:
    """The first n points of the Sobol sequence in the unit cube, [n, d], float64.

    Each axis has 30 direction numbers v_j, binary fractions as integers. Point i is the XOR of
    those v_j for which bit j of the Gray code i XOR (i >> 1) is set. With a ``seed`` every axis is
    XORed with a random number of its own (a digital shift): each point is then uniform in the cube,
    and together they are spread as before. A power of two is the best choice for n.

    Unshifted as `torch.quasirandom.SobolEngine` and `scipy.stats.qmc.Sobol(scramble=False)`.
    ValueError for n above 2^30 or d above 8. Sources: Sobol 1967, Joe and Kuo 2008.

    >>> sobol(4, 2).tolist()
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """
    check_counts(n=n, d=d)
    if n > 2**BITS or d > len(POLYNOMIALS) + 1:
        raise ValueError(
            f"n must be at most 2^{BITS} and d at most {len(POLYNOMIALS) + 1}, got {n} and {d}"
        )
    v = torch.tensor([direction_numbers(axis) for axis in range(d)])  # [d, bits]
    i = torch.arange(n)
    gray = i ^ (i >> 1)
    x = torch.zeros(n, d, dtype=torch.int64)
    for j in range((n - 1).bit_length()):
        x ^= ((gray >> j) & 1)[:, None] * v[:, j]
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        x ^= torch.randint(2**BITS, (d,), generator=generator)
    points: Tensor = x.double() / 2**BITS
    return points


def direction_numbers(axis: int) -> list[int]:
    """The 30 direction numbers of an axis, as integers: v_j = m_j 2^(30 - j), j = 1 ... 30.

    With the polynomial's degree s and coefficients a_1 ... a_(s-1)::

        m_j = 2 a_1 m_(j-1) XOR ... XOR 2^(s-1) a_(s-1) m_(j-s+1) XOR 2^s m_(j-s) XOR m_(j-s)
    """
    if axis == 0:  # every m is 1: the digits of i behind the point, mirrored
        return [1 << (BITS - j) for j in range(1, BITS + 1)]
    s, a, start = POLYNOMIALS[axis - 1]
    m = list(start)
    for j in range(s, BITS):
        new = m[j - s] ^ (m[j - s] << s)
        for k in range(1, s):
            if (a >> (s - 1 - k)) & 1:
                new ^= m[j - k] << k
        m.append(new)
    return [m_j << (BITS - j) for j, m_j in enumerate(m, start=1)]


class Halving(NamedTuple):
    """What `successive_halving` found: the winner, its error, and the steps that were spent."""

    winner: int
    error: float
    spent: int


def successive_halving(
    errors: Callable[[Sequence[int], int], Sequence[float] | Tensor],
    candidates: int,
    budgets: Sequence[int],
    factor: int = 3,
) -> Halving:
    """Train all candidates a little, keep the best part, train these longer, and so on.

    ``errors(rows, steps)``: the errors of the candidates with these numbers after that many steps;
    training goes on where it stopped, so the first budget is paid once. ``budgets``: steps at which
    to compare, increasing. At each but the last, ``1 / factor`` of the candidates stays, at
    least one. NaN counts as the largest error. Equal errors: the smaller number stays.

    ValueError for budgets that do not increase, a factor below 2, no candidate.
    Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter
    optimization".

    >>> final = [0.3, 0.1, 0.2]
    >>> successive_halving(lambda rows, steps: [final[i] for i in rows], 3, budgets=[10, 30])
    Halving(winner=1, error=0.1, spent=50)
    """
    check_counts(candidates=candidates, factor=factor)
    if not budgets or any(b <= a for a, b in itertools.pairwise([0, *budgets])):
        raise ValueError(f"budgets must be positive and increase, got {list(budgets)}")
    if factor < 2:
        raise ValueError(f"factor must be at least 2, got {factor}")
    rows, spent, before = list(range(candidates)), 0, 0
    for steps in budgets:
        spent += len(rows) * (steps - before)
        found = torch.as_tensor(errors(rows, steps), dtype=torch.float64).nan_to_num(nan=torch.inf)
        best = found.argsort(stable=True)[: max(1, len(rows) // factor)]
        rows, before = [rows[k] for k in best.tolist()], steps
    return Halving(rows[0], float(found.min()), spent)
