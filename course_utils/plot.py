"""The house style of the figures, and figures that a screen reader can read."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from course_utils.display import publish, spaced_percent
from course_utils.stats import Estimate, as_array

# Okabe and Ito (2008): eight colours that colour-blind readers can tell apart; the yellow is
# left out because thin lines in it vanish on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))


def use_style() -> None:
    """Set Matplotlib to the house style: quiet axes, colours for everybody, stable SVG files."""
    cycle = cycler(color=COLORS, linestyle=LINE_STYLES)
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycle,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,  # grid lines do not cross bars
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "font.size": 11,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "lines.linewidth": 1.8,
            "svg.hashsalt": "course",  # ids that do not change from run to run
            "svg.fonttype": "path",  # the same letters on every machine
        }
    )


def subplots(
    rows: int = 1, columns: int = 1, *, width: float = 7.0, height: float = 3.4, **options: Any
) -> tuple[Figure, Any]:
    """Open a figure in the house style; sizes in inches, `height` of one row.

    Returns:
        The figure and its axes, as `matplotlib.pyplot.subplots` returns them.
    """
    use_style()
    return plt.subplots(rows, columns, figsize=(width, height * rows), **options)


def show(fig: Figure, alt: str) -> None:
    """Display a figure with a text that says what it shows, and close it.

    Args:
        fig: the figure.
        alt: what a reader who cannot see it must know, numbers included; the build refuses
            figures without one.

    Raises:
        ValueError: if `alt` is empty.
    """
    alt = spaced_percent(" ".join(alt.split()))
    if not alt:
        raise ValueError("alt must say what the figure shows, got an empty text")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})  # a date would differ each run
    plt.close(fig)
    publish(
        {"image/svg+xml": buffer.getvalue().decode(), "text/plain": f"Figure: {alt}"},
        {"image/svg+xml": {"alt": alt}},
    )


def band(
    ax: Axes,
    x: ArrayLike,
    runs: ArrayLike | torch.Tensor,
    label: str,
    *,
    level: float = 0.95,
    **style: Any,
) -> None:
    """Draw the mean over seeds with the band of its t interval.

    Args:
        ax: the axes.
        x: shape [steps].
        runs: shape [steps, seeds], at least two seeds.
        label: name in the legend.
        level: coverage of the interval at each step, between 0 and 1.
        style: options of `Axes.plot`.

    Raises:
        ValueError: if the shapes do not fit, or `level` is not between 0 and 1.
    """
    y, steps = as_array(runs), as_array(x)
    if y.ndim != 2 or len(y) != len(steps) or y.shape[1] < 2:
        raise ValueError(
            f"runs must have shape [len(x), seeds] with at least 2 seeds, got {y.shape} "
            f"for {len(steps)} steps"
        )
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    mean = y.mean(axis=1)
    seeds = y.shape[1]
    half = stdtrit(seeds - 1, (1 + level) / 2) * y.std(axis=1, ddof=1) / seeds**0.5
    (line,) = ax.plot(steps, mean, label=label, **style)
    ax.fill_between(steps, mean - half, mean + half, color=line.get_color(), alpha=0.2, lw=0)


def intervals(ax: Axes, estimates: dict[str, Estimate], *, scale: float = 1.0) -> None:
    """Draw one row per estimate: its mean as a point, its interval as a line.

    Args:
        ax: the axes; the caller labels the horizontal one.
        estimates: `Estimate` by name, drawn from top to bottom.
        scale: factor on the horizontal axis, 100 for fractions shown in per cent.
    """
    names = list(estimates)
    rows = np.arange(len(names))
    mean = np.array([estimates[name].mean for name in names]) * scale
    below = mean - np.array([estimates[name].low for name in names]) * scale
    above = np.array([estimates[name].high for name in names]) * scale - mean
    ax.errorbar(mean, rows, xerr=[below, above], fmt="o", color=COLORS[0], capsize=3)
    ax.set_yticks(rows, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
