"""The HTML of a race: script, style, data, and the still figure for where no script runs."""

from __future__ import annotations

import html
import io
import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from course_utils import race_data
from course_utils.plot import subplots
from course_utils.stats import as_array
from course_utils.surfaces import Surface

if TYPE_CHECKING:
    from course_utils.race import Race

# A panel of the still figure is 200 points wide: this is half a point.
STILL_TOLERANCE = 2.5
CAPTION = "Where scripts run, this figure is a race to play, at other learning rates too."


def page(race: Race) -> str:
    """One element that works on a page, in a notebook and on paper, and asks for no other file."""
    # A name must not end the script element that it stands in.
    data = json.dumps(_data(race), separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="course-race"><style>{_file("race.css")}</style>'
        f'<div class="race-still">{_image(_still(race), race.summary())}<p>{CAPTION}</p></div>'
        f'<script type="application/json">{data}</script><script>{_file("race.js")}</script></div>'
    )


def _file(name: str) -> str:
    return resources.files("course_utils").joinpath(name).read_text(encoding="utf8")


def _data(race: Race) -> dict[str, Any]:
    return {
        "steps": race.steps,
        "rates": race.rates,
        "floor": race.floor,
        "optimizers": [race_data.competitor(n, name) for n, name in enumerate(race.optimizers)],
        "surfaces": [_surface(race, surface) for surface in race.surfaces],
    }


def _surface(race: Race, surface: Surface) -> dict[str, Any]:
    return {
        **race_data.stage(surface),
        "best": [race.best(surface, name) for name in race.optimizers],
        "runs": [_runs(race, surface, name) for name in race.optimizers],
    }


def _runs(race: Race, surface: Surface, name: str) -> list[list[list[int]]]:
    paths, lengths = race.paths(surface, name), race.lengths(surface, name)
    return [
        race_data.encode_path(surface, paths[:length, rate], race.floor)
        for rate, length in enumerate(lengths)
    ]


def _still(race: Race) -> Figure:
    """All surfaces with every optimizer at its best rate; the last place is for the legend."""
    fig, axes = subplots(len(race.surfaces) // 2 + 1, 2, height=2.6)
    for ax in axes.flat:
        ax.axis("off")
    for ax, surface in zip(axes.flat, race.surfaces, strict=False):
        _draw(ax, race, surface)
    for number, name in enumerate(race.optimizers):
        color, line = race_data.line_of(number)
        axes.flat[-1].plot([], [], color=color, linestyle=line, marker="o", ms=4, label=name)
    axes.flat[-1].legend(loc="center")
    return fig


def _draw(ax: Axes, race: Race, surface: Surface) -> None:
    ax.axis("on")
    ax.grid(False)
    for area in race_data.areas(surface, STILL_TOLERANCE):
        ax.add_patch(PathPatch(area, facecolor="#0000000a", edgecolor="#bbbbbb", linewidth=0.6))
    for number, name in enumerate(race.optimizers):
        color, line = race_data.line_of(number)
        rate = race.best(surface, name)
        length = race.lengths(surface, name)[rate]
        path = race_data.to_stage(surface, as_array(race.paths(surface, name)[:length, rate]))
        x, y = race_data.from_stage(surface, race_data.thin(path, STILL_TOLERANCE)).T
        ax.plot(x, y, color=color, linestyle=line, lw=1.4, marker="o", ms=4, markevery=[-1])
    ax.plot(*np.array(surface.minima).T, "k*", ms=9)
    ax.set(title=surface.name, xlim=surface.xlim, ylim=surface.ylim)


def _image(fig: Figure, alt: str) -> str:
    """An image element with the figure in its address: text, which compresses better than base64.

    A tenth of a point is all that the eye can see of a coordinate.
    """
    buffer = io.BytesIO()
    # Letters as text: as curves they would be a quarter of the file.
    with plt.rc_context({"svg.fonttype": "none"}):
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    coordinates = re.compile(r"^[ML] .*$", re.M)
    svg = coordinates.sub(
        lambda line: re.sub(r"(\.\d)\d+", r"\1", line[0]), buffer.getvalue().decode()
    )
    source = quote(svg, safe=" /:=;,.-+()?!@*'")
    return f'<img class="course-figure" src="data:image/svg+xml,{source}" alt="{html.escape(alt)}">'
