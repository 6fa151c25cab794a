"""Means over seeds with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit


class Estimate(NamedTuple):
    """A mean over `n` seeds with a confidence interval of that `level`, in the unit of the values.

    The format specification applies to the mean and to the half-width of the interval. A `%`
    writes fractions as percentages, `pp` writes *differences* of fractions as percentage points.

    >>> f"{Estimate(0.781, 0.778, 0.784, 5):.3f}"
    '0.781 ± 0.003'
    >>> f"{Estimate(0.781, 0.778, 0.784, 5):.1%}"
    '78.1 ± 0.3 %'
    >>> f"{Estimate(-0.02, -0.03, -0.01, 5):+.1pp}"
    '-2.0 ± 1.0 pp'
    """

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2

    def __format__(self, spec: str) -> str:
        for suffix, unit in (("pp", " pp"), ("%", " %")):
            if spec.endswith(suffix):
                digits = spec.removesuffix(suffix) + "f"
                return self._text(digits, scale=100) + unit
        return self._text(spec or ".3g", scale=1)

    def _text(self, spec: str, scale: float) -> str:
        half_width = format(scale * self.half_width, spec).lstrip("+")
        return f"{format(scale * self.mean, spec)} ± {half_width}"

    def __str__(self) -> str:
        return format(self, ".3g")


def mean_ci(
    values: ArrayLike | torch.Tensor | Sequence[torch.Tensor], level: float = 0.95
) -> Estimate:
    r"""Mean of independent values with Student's t interval.

    $\bar x \pm t_{n-1,\,(1+\text{level})/2}\; s / \sqrt n$ with the sample standard deviation $s$
    (divided by $n-1$). Exact for normal values; for means of seeds a good approximation.

    Args:
        values: shape [n], n >= 2, one value per seed.
        level: coverage between 0 and 1.

    Raises:
        ValueError: if there are fewer than two values, they are not one-dimensional or not
            finite, or `level` is not between 0 and 1.

    >>> print(mean_ci([1.0, 2.0, 3.0]))
    2 ± 2.48
    """
    x = as_array(values)
    if x.ndim != 1 or len(x) < 2:
        raise ValueError(f"values must be one-dimensional with at least 2 entries, got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"values must be finite, got {x}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    n = len(x)
    mean = float(x.mean())
    half_width = float(stdtrit(n - 1, (1 + level) / 2)) * float(x.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half_width, mean + half_width, n, level)


def paired_ci(
    a: ArrayLike | torch.Tensor, b: ArrayLike | torch.Tensor, level: float = 0.95
) -> Estimate:
    """Mean of the differences `a - b`, seed by seed, with Student's t interval.

    Pairing removes what the two runs of a seed share (split, initial weights, batches), so the
    interval is usually much shorter than that of two separate means.

    Args:
        a: shape [n], one value per seed.
        b: shape [n], the same seeds in the same order.
        level: coverage between 0 and 1.

    Raises:
        ValueError: if the shapes differ, or as `mean_ci`.

    >>> print(paired_ci([1.0, 2.0, 3.0], [0.5, 1.6, 2.4]))
    0.5 ± 0.248
    """
    x, y = as_array(a), as_array(b)
    if x.shape != y.shape:
        raise ValueError(f"a and b must have the same shape, got {x.shape} and {y.shape}")
    return mean_ci(x - y, level)


def proportion_ci(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """Share of successes in independent trials, with the exact interval of Clopper and Pearson.

    It holds the shares p for which neither so few nor so many successes are rarer than
    (1 - level) / 2. Not symmetric about the share: print `low` and `high`, not a half-width.

    Raises:
        ValueError: unless 0 <= successes <= trials, trials >= 1 and `level` is between 0 and 1.

    Source: Clopper and Pearson 1934.

    >>> share = proportion_ci(0, 10)
    >>> f"{share.mean:.2f}, from {share.low:.2f} to {share.high:.2f}"
    '0.00, from 0.00 to 0.31'
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must lie in 0 ... trials, got {successes} of {trials}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    k, n, tail = successes, trials, (1 - level) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Estimate(k / n, low, high, n, level)


def as_array(values: ArrayLike | torch.Tensor | Sequence[torch.Tensor]) -> NDArray[np.float64]:
    """Return numbers as a float64 array, also those of a tensor with a gradient or on a GPU."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)
