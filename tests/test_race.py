"""The race: what is computed, chosen and written for the page."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from torch.optim import SGD, Adam

from course_utils import race as race_module
from course_utils import race_data, race_page
from course_utils.plot import COLORS
from course_utils.race import Race
from course_utils.surfaces import NOISY_QUADRATIC, RAVINE, ROSENBROCK, SURFACES, Surface, trajectory

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": SGD,
    "Momentum": partial(SGD, momentum=0.9),
    "Adam": Adam,
}
RATES = (0.003, 0.03, 0.3)


@pytest.fixture(scope="module")
def race() -> Race:
    return Race((RAVINE, ROSENBROCK, NOISY_QUADRATIC), OPTIMIZERS, RATES, steps=40)


@pytest.fixture(scope="module")
def page(race: Race) -> str:
    return race_page.page(race)


def data_of(page: str) -> dict[str, Any]:
    soup = BeautifulSoup(page, "html.parser")
    (script,) = soup.select("script[type='application/json']")
    found: dict[str, Any] = json.loads(script.get_text())
    return found


# What is computed


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_run_is_that_of_the_optimizer_alone(race: Race, name: str) -> None:
    for surface in race.surfaces:
        paths = race.paths(surface, name)
        assert paths.shape == (41, 3, 2)
        for number, rate in enumerate(RATES):
            alone = trajectory(surface, partial(OPTIMIZERS[name], lr=rate), 40)
            torch.testing.assert_close(
                paths[:, number], alone, rtol=1e-9, atol=1e-9, equal_nan=True
            )
            torch.testing.assert_close(
                race.losses(surface, name)[:, number],
                surface(alone) - surface.lowest,
                rtol=1e-6,
                atol=1e-12,
                equal_nan=True,
            )


def test_a_run_ends_where_it_leaves_for_good(race: Race) -> None:
    """Descent on the ravine multiplies y by 1 - 50 lr; the picture is 3 high and 8 wide."""
    assert race.lengths(RAVINE, "SGD")[:2] == [41, 41]
    slow = Race([RAVINE], {"SGD": SGD}, [0.05], steps=40)
    steps = next(n for n in range(100) if 1.5**n > 10 * 3)
    assert slow.lengths(RAVINE, "SGD") == [steps]


def test_a_run_that_came_back_has_diverged_all_the_same() -> None:
    class Detour(SGD):
        def step(self, closure: Any = None) -> None:
            point = self.param_groups[0]["params"][0]
            state = self.state[point]
            state["step"] = state.get("step", 0) + 1
            point.data.fill_(1e3 if state["step"] == 2 else 0.1)

    race = Race([RAVINE], {"Detour": Detour}, [0.1], steps=4)
    assert race.lengths(RAVINE, "Detour") == [2]


def test_scores_are_mean_logarithms_cut_off_below(race: Race) -> None:
    losses = race.losses(RAVINE, "Adam").numpy()
    expected = np.log10(np.maximum(losses, 1e-8)).mean(axis=0)
    np.testing.assert_allclose(race.scores(RAVINE, "Adam").numpy(), expected)
    assert race.scores(RAVINE, "SGD")[2] == torch.inf


def test_the_best_rate_has_the_lowest_score(race: Race) -> None:
    assert race.best_rate(RAVINE, "SGD") == 0.03
    for surface in race.surfaces:
        for name in OPTIMIZERS:
            scores = race.scores(surface, name).tolist()
            assert scores[race.best(surface, name)] == min(scores)
            assert race.best_rate(surface, name) == RATES[scores.index(min(scores))]


def test_where_all_diverge_the_smallest_rate_is_taken() -> None:
    race = Race([RAVINE], {"SGD": SGD}, [1.0, 3.0], steps=30)
    assert race.best_rate(RAVINE, "SGD") == 1.0
    assert "SGD (1), diverged" in race.summary()


def test_the_summary_names_the_closest_and_the_farthest() -> None:
    race = Race([RAVINE], {"fast": SGD, "slow": partial(SGD, weight_decay=9)}, [0.03], steps=600)
    assert race.losses(RAVINE, "fast")[-1] < 1e-8
    slow = float(race.losses(RAVINE, "slow")[-1, 0])
    assert slow < 1e-8
    assert race.summary() == (
        "Race of fast, slow over 600 steps, each at its best of 1 learning rates from 0.03 to "
        "0.03. Ravine: closest to the minimum fast (0.03) and slow (0.03), loss at most 1e-8; "
        "farthest fast (0.03) and slow (0.03), at most 1e-8."
    )


SLOPE = Surface("Slope", "x", lambda p: p[..., 0], (0.0, 0.0), (), (-1.0, 1.0), (-1.0, 1.0))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"surfaces": []}, "surfaces must have at least one entry, got none"),
    ({"optimizers": {}}, "optimizers must have at least one entry, got none"),
    ({"rates": []}, "rates must have at least one entry, got none"),
    ({"surfaces": [RAVINE, RAVINE]}, "surfaces must have different names"),
    ({"surfaces": [SLOPE]}, "surfaces must have a minimum, got 'Slope' without one"),
    ({"rates": [0.1, 0.1]}, "rates must be positive and ascending"),
    ({"rates": [0.3, 0.1]}, "rates must be positive and ascending"),
    ({"rates": [0.0, 0.1]}, "rates must be positive and ascending"),
    ({"steps": 0}, "steps must be at least 1, got 0"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_what_no_race_can_be_made_of(wrong: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"surfaces": [RAVINE], "optimizers": OPTIMIZERS, "rates": RATES}
    with pytest.raises(ValueError, match=message):
        Race(**{**right, **wrong})


# What is written


def test_what_the_script_reads_is_what_was_computed(race: Race, page: str) -> None:
    data = data_of(page)
    assert data["steps"] == 40
    assert data["rates"] == list(RATES)
    for surface, written in zip(race.surfaces, data["surfaces"], strict=True):
        for number, name in enumerate(OPTIMIZERS):
            assert written["best"][number] == race.best(surface, name)
            for rate, length in enumerate(race.lengths(surface, name)):
                points, losses = race_data.decode_path(surface, written["runs"][number][rate])
                assert points.shape == (length, 2)
                width = surface.xlim[1] - surface.xlim[0]
                height = surface.ylim[1] - surface.ylim[0]
                error = abs(points - race.paths(surface, name)[:length, rate].numpy())
                assert error[:, 0].max() <= 0.5001 * width / race_data.WIDTH
                assert error[:, 1].max() <= 0.5001 * height / race_data.HEIGHT
                true = np.maximum(race.losses(surface, name)[:length, rate].numpy(), 1e-8)
                assert abs(np.log10(losses / true)).max() <= 0.5001 / race_data.LOG_STEPS


def test_stage_and_back(race: Race) -> None:
    corners = np.array([[-5.0, 1.5], [3.0, -1.5]])
    units = race_data.to_stage(RAVINE, corners)
    assert units.tolist() == [[0, 0], [1000, 750]]
    np.testing.assert_allclose(race_data.from_stage(RAVINE, units), corners)


def test_ticks_are_where_they_say(page: str) -> None:
    ravine = data_of(page)["surfaces"][0]
    assert ravine["xticks"] == [[125, "−4"], [375, "−2"], [625, "0"], [875, "2"]]
    assert ravine["yticks"] == [[625, "−1"], [375, "0"], [125, "1"]]
    assert ravine["minima"] == [[625, 375]]


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_areas_are_below_their_levels(surface: Surface) -> None:
    areas = race_data.areas(surface)
    x, y, values = surface.grid()
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    for area, level in zip(areas, surface.levels()[::-1], strict=False):
        inside = area.contains_points(points)
        assert np.mean(inside == (values.ravel() < level)) > 0.985
    assert len(areas) >= 7


def test_thin_keeps_what_can_be_seen() -> None:
    circle = 100 * np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 500)), np.sin(t)], axis=-1)
    thinned = race_data.thin(circle)
    assert len(thinned) < 40
    assert thinned[0].tolist() == circle[0].tolist()
    assert thinned[-1].tolist() == circle[-1].tolist()
    sides = itertools.pairwise(thinned)
    middles = np.array([np.hypot(*(a + b)) / 2 for a, b in sides])
    assert middles.min() > 98.9
    line = np.array([[0, 0], [1, 0.5], [2, 0], [3, 40], [4, 0.0]])
    assert race_data.thin(line).tolist() == [[0, 0], [2, 0], [3, 40], [4, 0]]


def test_competitors_differ() -> None:
    styles = [race_data.competitor(number, "a") for number in range(14)]
    assert len({(style["color"], style["dash"]) for style in styles}) == 14
    assert len({style["dash"] for style in styles[:7]}) == 7
    assert styles[COLORS.index("#000000")]["color"] == "currentColor"
    lines = [race_data.line_of(number) for number in range(49)]
    assert len({(color, str(line)) for color, line in lines}) == 49


def test_the_same_race_is_the_same_page(race: Race, page: str) -> None:
    again = Race(race.surfaces, OPTIMIZERS, RATES, steps=40)
    assert race_page.page(again) == page


def test_another_seed_is_another_race(race: Race) -> None:
    other = Race([RAVINE, NOISY_QUADRATIC], {"SGD": SGD}, RATES, steps=40, seed=1)
    assert torch.equal(other.paths(RAVINE, "SGD"), race.paths(RAVINE, "SGD"))
    noisy = race.paths(NOISY_QUADRATIC, "SGD")
    assert not torch.equal(other.paths(NOISY_QUADRATIC, "SGD"), noisy)


def test_names_cannot_break_the_page() -> None:
    name = "</script><img src=x onerror=\"alert('1')\"> & <b>"
    race = Race([RAVINE], {name: SGD}, [0.03], steps=3)
    page = race_page.page(race)
    soup: Any = BeautifulSoup(page, "html.parser")
    assert data_of(page)["optimizers"][0]["name"] == name
    assert len(soup.select("img")) == 1
    assert name in soup.img["alt"]
    assert len(soup.select("script")) == 2


def test_the_page_asks_for_nothing(page: str) -> None:
    without = page.replace("http://www.w3.org/2000/svg", "")
    soup: Any = BeautifulSoup(without, "html.parser")
    assert not soup.select("link, iframe, script[src]")
    (image,) = soup.select("img")
    assert image["src"].startswith("data:image/svg+xml,")
    image["src"] = ""
    assert not re.search(r"https?:|url\(|@import|fetch\(", str(soup))


def test_the_still_figure_is_a_picture_with_words(race: Race) -> None:
    open_before = plt.get_fignums()
    page = race_page.page(race)
    assert plt.get_fignums() == open_before
    soup: Any = BeautifulSoup(page, "html.parser")
    (image,) = soup.select(".race-still img")
    assert image["alt"] == race.summary()
    svg = ElementTree.fromstring(unquote(image["src"].partition(",")[2]))
    assert len([part for part in svg.iter() if part.get("id", "").startswith("axes_")]) == 4


def test_numbers_in_the_still_figure_are_rounded_only_where_nobody_sees_it(page: str) -> None:
    soup: Any = BeautifulSoup(page, "html.parser")
    svg = unquote(soup.img["src"].partition(",")[2])
    assert re.search(r'<text [^>]*x="\d+\.\d{4}', svg)
    assert not re.search(r"^[ML] \S*\.\d\d", svg, re.M)


def test_outside_a_notebook_the_summary_is_printed(
    race: Race, capsys: pytest.CaptureFixture[str]
) -> None:
    race.show()
    assert capsys.readouterr().out == race.summary() + "\n"


def test_what_is_published(race: Race, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, str]] = []
    monkeypatch.setattr(race_module, "publish", published.append)
    race.show()
    assert published == [{"text/html": page, "text/plain": race.summary()}]
