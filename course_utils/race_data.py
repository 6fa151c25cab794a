"""A race as numbers for a page: whole numbers, each as the difference from the one before it."""

from __future__ import annotations

import html
import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor

from course_utils.plot import COLORS, LINE_STYLES
from course_utils.stats import as_array
from course_utils.surfaces import Surface

# The stage in units of its view box: one is half a pixel where it is 500 pixels wide.
WIDTH, HEIGHT = 1000, 750
# Losses are whole hundredths of their decimal logarithm: an error of at most 1.2 %.
LOG_STEPS = 100


def style_of(competitor: int) -> tuple[str, Any]:
    """Colour and Matplotlib line style of a competitor; 49 of them differ."""
    turn, color = divmod(competitor, len(COLORS))
    return COLORS[color], LINE_STYLES[(color + turn) % len(LINE_STYLES)]


def encode_path(surface: Surface, path: Tensor, floor: int) -> list[list[int]]:
    """Differences of x, y on the stage and of the logarithm of the loss, each [points].

    path: [points, 2]. Losses are counted from the lowest value, and below 10^floor as 10^floor.
    """
    loss = (surface(path) - surface.lowest).clamp(min=10.0**floor)
    series = (*to_stage(surface, as_array(path)).T, LOG_STEPS * as_array(loss.log10()))
    return [np.diff(np.rint(values).astype(int), prepend=0).tolist() for values in series]


def decode_path(surface: Surface, deltas: list[list[int]]) -> tuple[NDArray[np.float64], ...]:
    """Points [points, 2] and losses [points] of what `encode_path` wrote, as the script does."""
    x, y, log = (np.cumsum(values) for values in deltas)
    (left, right), (low, high) = surface.xlim, surface.ylim
    points = (left + x / WIDTH * (right - left), high - y / HEIGHT * (high - low))
    return np.stack(points, axis=-1), 10 ** (log / LOG_STEPS)


def to_stage(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [..., 2] in units of the stage, from its upper left corner."""
    (left, right), (low, high) = surface.xlim, surface.ylim
    x, y = points[..., 0], points[..., 1]
    return np.stack(
        [(x - left) / (right - left) * WIDTH, (high - y) / (high - low) * HEIGHT], axis=-1
    )


def describe_surface(surface: Surface) -> dict[str, Any]:
    """What the stage shows of a surface besides the paths."""
    (left, right), (low, high) = surface.xlim, surface.ylim
    return {
        "name": surface.name,
        "formula": formula_html(surface.formula),
        "note": surface.note,
        "minima": np.rint(to_stage(surface, np.array(surface.minima))).astype(int).tolist(),
        "contours": contours(surface),
        "xticks": [
            [round((x - left) / (right - left) * WIDTH), f"{x:g}"] for x in _ticks(left, right)
        ],
        "yticks": [
            [round((high - y) / (high - low) * HEIGHT), f"{y:g}"] for y in _ticks(low, high)
        ],
    }


def _ticks(low: float, high: float) -> list[float]:
    values = MaxNLocator(5).tick_values(low, high)
    return [round(float(value), 9) for value in values if low <= value <= high]


def contours(surface: Surface) -> list[str]:
    """SVG paths of the areas below each level, the largest first."""
    x, y, values = surface.grid()
    figure = plt.figure()
    levels = surface.levels()
    ax = figure.gca()
    paths = [
        ax.contourf(x, y, values, levels=[values.min() - 1, level]).get_paths()[0]
        for level in levels[::-1]
    ]
    plt.close(figure)
    return [text for path in paths if (text := _svg_path(surface, path))]


def _svg_path(surface: Surface, path: Path) -> str:
    parts = []
    for polygon in path.to_polygons():
        points = _thin(np.rint(to_stage(surface, np.asarray(polygon)))).astype(int)
        if len(points) > 3:
            (x, y), *steps = np.diff(points, axis=0, prepend=0 * points[:1]).tolist()
            parts.append(f"M{x} {y}l" + " ".join(f"{dx} {dy}" for dx, dy in steps) + "z")
    return "".join(parts)


def _thin(points: NDArray[np.float64], tolerance: float = 1.0) -> NDArray[np.float64]:
    """Drop points closer than the tolerance to the line of those kept (Douglas and Peucker)."""
    if len(points) < 3:
        return points
    start, end = points[0], points[-1]
    along = end - start
    length = float(np.hypot(*along))
    offset = points - start
    if length:
        distance = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]) / length
    else:
        distance = np.hypot(*offset.T)
    far = int(distance.argmax())
    if distance[far] <= tolerance:
        return np.stack([start, end])
    return np.concatenate(
        [_thin(points[: far + 1], tolerance)[:-1], _thin(points[far:], tolerance)]
    )


def formula_html(latex: str) -> str:
    """HTML of a polynomial in x and y: powers, fractions and variables."""
    text = html.escape(latex, quote=False)
    text = re.sub(r"\\t?frac(\d)(\d)|\\frac\{(\d)\}\{(\d)\}", _fraction, text)
    text = text.replace("\\,", " ").replace("-", "−")
    text = re.sub(r"\^(\d)", r"<sup>\1</sup>", text)
    text = re.sub(r"(?<![<a-z/])([xy])(?![a-z])", r"<i>\1</i>", text)
    return f'<span class="race-formula"><i>f</i>(<i>x</i>, <i>y</i>) = {text}.</span>'


def _fraction(match: re.Match[str]) -> str:
    top, bottom = (group for group in match.groups() if group)
    return {"1/2": "½", "1/4": "¼"}.get(f"{top}/{bottom}", f"{top}/{bottom}")
