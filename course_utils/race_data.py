"""A race as numbers for a page: whole numbers, each as the difference from the one before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor

from course_utils.plot import COLORS, LINE_STYLES
from course_utils.stats import as_array
from course_utils.surfaces import Surface

Array = NDArray[np.float64]

# The stage in units of its view box: one is half a pixel where it is 500 pixels wide.
WIDTH, HEIGHT = 1000, 750
# Losses are whole hundredths of their decimal logarithm: an error of at most 1.2 %.
LOG_STEPS = 100
DASHES = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}


def encode_path(surface: Surface, path: Tensor, floor: int) -> list[list[int]]:
    """Differences of x, y on the stage and of the logarithm of the loss, each [points].

    path: [points, 2]. Losses are counted from the lowest value, and below 10^floor as 10^floor.
    """
    loss = (surface(path) - surface.lowest).clamp(min=10.0**floor)
    series = (*to_stage(surface, as_array(path)).T, LOG_STEPS * as_array(loss.log10()))
    return [np.diff(np.rint(values).astype(int), prepend=0).tolist() for values in series]


def decode_path(surface: Surface, deltas: list[list[int]]) -> tuple[Array, Array]:
    """Points [points, 2] and losses [points] of what `encode_path` wrote, as the script does."""
    x, y, log = (np.cumsum(values) for values in deltas)
    return from_stage(surface, np.stack([x, y], axis=-1)), 10 ** (log / LOG_STEPS)


def to_stage(surface: Surface, points: Array) -> Array:
    """Points [..., 2] in units of the stage, from its upper left corner."""
    (left, right), (low, high) = surface.xlim, surface.ylim
    return (points - [left, high]) / [right - left, low - high] * [WIDTH, HEIGHT]


def from_stage(surface: Surface, units: Array) -> Array:
    """The inverse of `to_stage`."""
    (left, right), (low, high) = surface.xlim, surface.ylim
    return units / [WIDTH, HEIGHT] * [right - left, low - high] + [left, high]


def competitor(number: int, name: str) -> dict[str, Any]:
    """Name, colour, dashes and shape of a competitor; black follows the theme."""
    color, line = line_of(number)
    dash = DASHES[line] if isinstance(line, str) else " ".join(f"{2 * part}" for part in line[1])
    color = "currentColor" if color == "#000000" else color
    return {"name": name, "color": color, "dash": dash, "shape": number}


def line_of(number: int) -> tuple[str, Any]:
    """Colour and Matplotlib's line style of a competitor; the first 49 differ."""
    turn, color = divmod(number, len(COLORS))
    return COLORS[color], LINE_STYLES[(color + turn) % len(LINE_STYLES)]


def stage(surface: Surface) -> dict[str, Any]:
    """What the stage shows of a surface besides the paths."""
    return {
        "name": surface.name,
        "formula": surface.formula_html,
        "note": surface.note,
        "minima": np.rint(to_stage(surface, np.array(surface.minima))).astype(int).tolist(),
        "contours": [_svg(surface, path) for path in areas(surface)],
        "xticks": _ticks(surface.xlim, lambda x: to_stage(surface, np.array([x, 0.0]))[0]),
        "yticks": _ticks(surface.ylim, lambda y: to_stage(surface, np.array([0.0, y]))[1]),
    }


def _ticks(limits: tuple[float, float], at: Callable[[float], float]) -> list[list[Any]]:
    values = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(*limits)
    inside = [round(float(x), 9) for x in values if limits[0] <= x <= limits[1]]
    return [[round(float(at(x))), f"{x:g}".replace("-", "−")] for x in inside]


def areas(surface: Surface, tolerance: float = 1.0) -> list[Path]:
    """Where the surface is below each contour level, the largest area first, thinned out."""
    x, y, values = surface.grid()
    levels = [[values.min() - 1, level] for level in surface.levels()[::-1]]
    ax = Figure().add_subplot()
    paths = [ax.contourf(x, y, values, levels=pair).get_paths()[0] for pair in levels]
    simple = [_simplify(surface, path, tolerance) for path in paths]
    return [path for path in simple if path.codes is not None]


def _simplify(surface: Surface, path: Path, tolerance: float) -> Path:
    rings = [thin(to_stage(surface, np.asarray(ring)), tolerance) for ring in path.to_polygons()]
    parts = [Path(from_stage(surface, ring), closed=True) for ring in rings if len(ring) > 3]
    return Path.make_compound_path(*parts)


def _svg(surface: Surface, path: Path) -> str:
    """An SVG path in whole units of the stage, by relative steps."""
    parts = []
    for ring in path.to_polygons():
        corners = np.rint(to_stage(surface, np.asarray(ring))).astype(int)[:-1]
        (x, y), *steps = np.diff(corners, axis=0, prepend=0 * corners[:1]).tolist()
        parts.append(f"M{x} {y}l" + " ".join(f"{dx} {dy}" for dx, dy in steps) + "z")
    return "".join(parts)


def thin(points: Array, tolerance: float = 1.0) -> Array:
    """Leave out points [n, 2] nearer than the tolerance to the line through those that stay.

    The algorithm of Ramer, Douglas and Peucker.
    """
    if len(points) < 3:
        return points
    along, offset = points[-1] - points[0], points - points[0]
    length = float(np.hypot(*along))
    if length:
        distance = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]) / length
    else:
        distance = np.hypot(*offset.T)
    far = int(distance.argmax())
    if distance[far] <= tolerance:
        return points[[0, -1]]
    before, after = thin(points[: far + 1], tolerance), thin(points[far:], tolerance)
    return np.concatenate([before[:-1], after])
