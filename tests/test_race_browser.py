"""The race in a real browser, on a page that holds nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import site_browser
from accessibility import accessibility_problems
from playwright.sync_api import Locator, Page
from site_browser import PHONE, Browser
from torch.optim import SGD, Adam, NAdam, RMSprop

from course_utils import race_data, race_page
from course_utils.race import Race
from course_utils.surfaces import RAVINE, SADDLE, Surface

STEPS, RATES = 40, (0.003, 0.03, 0.3)
OPTIMIZERS = {
    "SGD": SGD,
    "Momentum": partial(SGD, momentum=0.9),
    "Nesterov": partial(SGD, momentum=0.9, nesterov=True),
    "RMSprop": RMSprop,
    "Adam": Adam,
    "NAdam": NAdam,
    "Black": partial(Adam, betas=(0.5, 0.9)),
}
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf8"><title>Race</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>
:root {color-scheme: light dark} body {margin: 1rem 1rem 90rem; font-family: sans-serif}
</style></head>
<body><main><h1>Race</h1><script>window.before = Object.keys(window).length</script>
"""


@pytest.fixture(scope="module")
def race() -> Race:
    return Race((RAVINE, SADDLE), OPTIMIZERS, RATES, STEPS)


@pytest.fixture(scope="module")
def browser(race: Race, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    site_browser.require_browser()
    folder = tmp_path_factory.mktemp("race")
    html = race_page.page(race)
    _write(folder / "one.html", html)
    _write(folder / "two.html", html + "<p>Between.</p>" + html)
    with site_browser.serve(folder) as address, site_browser.open_browser(address) as opened:
        yield opened


def _write(path: Path, body: str) -> None:
    path.write_text(f"{HEAD}{body}</main></body></html>", encoding="utf8")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with one race; whatever a test does there, nothing may complain or be asked for."""
    opened = browser.open("one.html")
    yield opened
    assert browser.complaints == []
    assert browser.requests == [browser.address + "one.html"]


def scrub(page: Page) -> Locator:
    return page.get_by_label("Step", exact=True)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(rf"^{name}\b"))


def rate(page: Page, name: str) -> Locator:
    return page.get_by_label(f"Learning rate of {name}")


def head(page: Page, name: str) -> tuple[int, ...]:
    """Where a head is, in units of the stage."""
    heads = page.locator(".race-stage .race-competitor > .race-head")
    transform = heads.nth(list(OPTIMIZERS).index(name)).get_attribute("transform") or ""
    return tuple(int(number) for number in re.findall(r"-?\d+", transform))


def trail(page: Page, name: str) -> str:
    trails = page.locator(".race-stage polyline")
    return trails.nth(list(OPTIMIZERS).index(name)).get_attribute("points") or ""


def computed(race: Race, surface: Surface, name: str, at: int, rate: int) -> tuple[int, ...]:
    """Where the head has to be; at the edge if the point is outside."""
    point = race_data.to_stage(surface, race.paths(surface, name)[at, rate].numpy())
    inside = np.clip(np.rint(point), 0, [race_data.WIDTH, race_data.HEIGHT])
    return tuple(int(unit) for unit in inside)


def chosen(locator: Locator) -> str:
    text: str = locator.evaluate("select => select.selectedOptions[0].text")
    return text


# What is shown


def test_the_first_picture_is_the_end_at_the_best_rates(page: Page, race: Race) -> None:
    assert page.get_by_text(f"{STEPS} / {STEPS}").is_visible()
    assert page.get_by_role("radio", name="Ravine").is_checked()
    for name in OPTIMIZERS:
        best = race.best(RAVINE, name)
        assert head(page, name) == computed(race, RAVINE, name, STEPS, best)
        assert chosen(rate(page, name)) == f"{RATES[best]:g} – best"
    assert not page.locator(".race-still").is_visible()


def test_every_step_is_what_was_computed(page: Page, race: Race) -> None:
    for step in (0, 1, 17, STEPS):
        scrub(page).fill(str(step))
        for name in OPTIMIZERS:
            best = race.best(RAVINE, name)
            assert head(page, name) == computed(race, RAVINE, name, step, best)
            assert len(trail(page, name).split()) == step + 1
            loss = float(race.losses(RAVINE, name)[step, best])
            text = row(page, name).locator(".race-loss").inner_text()
            assert text == "< 1e-8" if loss < 1e-8 else float(text) == pytest.approx(loss, rel=0.07)
    assert scrub(page).get_attribute("aria-valuetext") == f"step {STEPS} of {STEPS}"


def test_another_rate_is_another_path(page: Page, race: Race) -> None:
    options = rate(page, "SGD").locator("option").all_inner_texts()
    assert options == ["0.003", "0.03 – best", "0.3 – diverges"]
    rate(page, "SGD").select_option("0.003")
    assert head(page, "SGD") == computed(race, RAVINE, "SGD", STEPS, 0)
    rate(page, "SGD").select_option("0.3 – diverges")
    assert row(page, "SGD").locator(".race-loss").inner_text() == "diverged"
    assert len(trail(page, "SGD").split()) == race.lengths(RAVINE, "SGD")[2]
    assert "Diverged: SGD." in page.get_by_role("status").inner_text()


def test_one_rate_for_all(page: Page) -> None:
    every = page.get_by_label("Learning rates:")
    assert chosen(every) == "each its best"
    every.select_option("all 0.003")
    assert {chosen(rate(page, name)).split()[0] for name in OPTIMIZERS} == {"0.003"}
    rate(page, "Adam").select_option("0.03")
    assert chosen(every) == "as chosen below"
    every.select_option("each its best")
    assert all(chosen(rate(page, name)).endswith("– best") for name in OPTIMIZERS)


def test_another_surface_keeps_the_step_and_remembers_rates(page: Page, race: Race) -> None:
    rate(page, "SGD").select_option("0.003")
    scrub(page).fill("9")
    page.get_by_role("radio", name="Saddle").check()
    for name in OPTIMIZERS:
        best = race.best(SADDLE, name)
        assert head(page, name) == computed(race, SADDLE, name, 9, best)
    assert page.locator(".race-minima path").count() == 2
    assert page.get_by_text("x2 − y2 + ¼ y4").is_visible()
    page.get_by_role("radio", name="Ravine").check()
    assert chosen(rate(page, "SGD")) == "0.003"
    assert chosen(page.get_by_label("Learning rates:")) == "as chosen below"
    assert head(page, "SGD") == computed(race, RAVINE, "SGD", 9, 0)


def test_who_takes_part(page: Page) -> None:
    def shown(group: str) -> int:
        groups = page.locator(f"{group} .race-competitor").all()
        displays = [one.evaluate("node => getComputedStyle(node).display") for one in groups]
        return len(displays) - displays.count("none")

    assert shown(".race-stage") == 2 * len(OPTIMIZERS)  # trails and heads
    page.get_by_role("checkbox", name="Adam", exact=True).uncheck()
    assert shown(".race-stage") == 2 * len(OPTIMIZERS) - 2
    assert shown(".race-losses") == len(OPTIMIZERS) - 1
    for name in OPTIMIZERS:
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    assert shown(".race-app") == 0
    assert page.get_by_role("status").inner_text() == f"Step {STEPS} of {STEPS}."


def test_the_leader_is_named(page: Page, race: Race) -> None:
    scrub(page).fill("10")
    losses = {n: float(race.losses(RAVINE, n)[10, race.best(RAVINE, n)]) for n in OPTIMIZERS}
    first, second, third, *_ = sorted(losses, key=lambda name: losses[name])
    scrub(page).dispatch_event("change")
    said = page.get_by_role("status").inner_text()
    pattern = rf"Step 10 of 40\. Lowest loss: {first} \(.*\), then {second} \(.*\), then {third} \("
    assert re.match(pattern, said), said
    assert page.locator(".race-first").all_inner_texts()[0].startswith(first)
    assert page.locator(".race-first").count() == 1


def test_points_outside_are_hollow_at_the_edge(page: Page, race: Race) -> None:
    rate(page, "SGD").select_option("0.3 – diverges")
    far = race.lengths(RAVINE, "SGD")[2] - 1
    scrub(page).fill(str(far))
    assert head(page, "SGD")[1] in (0, race_data.HEIGHT)
    sgd = page.locator(".race-stage .race-competitor > .race-head").first
    assert sgd.evaluate("node => getComputedStyle(node).fill") == "none"
    scrub(page).fill("0")
    assert sgd.evaluate("node => getComputedStyle(node).fill") != "none"


# Playing

COLLECT = """() => {
  window.seen = {steps: [], said: 0};
  const watch = (name, act) => {
    const node = document.querySelector(name);
    new MutationObserver(() => act(node)).observe(node, {childList: true});
  };
  watch(".race-counter", node => seen.steps.push(parseInt(node.textContent)));
  watch(".race-status", () => (seen.said += 1));
}"""


def play_to_the_end(page: Page, speed: str = "fast") -> dict[str, Any]:
    page.get_by_label("Speed").select_option(speed)
    page.evaluate(COLLECT)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Play").wait_for()
    seen: dict[str, Any] = page.evaluate("seen")
    return seen


def test_play_moves_all_heads_from_the_start_to_the_end(page: Page, race: Race) -> None:
    page.emulate_media(reduced_motion="no-preference")
    seen = play_to_the_end(page)
    assert seen["steps"][0] == 0
    assert seen["steps"][-1] == STEPS
    assert seen["steps"] == sorted(seen["steps"])
    assert len(set(seen["steps"])) > 5
    assert seen["said"] == 2  # that it plays, and how it ended; not every frame
    assert head(page, "SGD") == computed(race, RAVINE, "SGD", STEPS, race.best(RAVINE, "SGD"))


def test_less_motion_means_few_pictures(page: Page) -> None:
    steps = set(play_to_the_end(page)["steps"])  # the browser of the tests asks for less motion
    assert steps == {0, 30, STEPS}


def test_pause_stops_and_play_goes_on(page: Page) -> None:
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_label("Speed").select_option("slow")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('[aria-label=Step]').value >= 2")
    page.get_by_role("button", name="Pause").click()
    at = int(scrub(page).input_value())
    assert 2 <= at < STEPS
    assert page.get_by_role("status").inner_text().startswith(f"Step {at} of {STEPS}. Lowest")
    page.wait_for_timeout(400)
    assert int(scrub(page).input_value()) == at
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"document.querySelector('[aria-label=Step]').value > {at}")


def test_buttons_step_and_go_back(page: Page) -> None:
    for name, step in [("Back to the start", 0), ("One step back", 0), ("One step forward", 1)]:
        page.get_by_role("button", name=name).click()
        assert scrub(page).input_value() == str(step)
        assert page.get_by_role("status").inner_text().startswith(f"Step {step} of")


# By keyboard


def test_keys_on_the_picture(page: Page) -> None:
    stage = page.get_by_role("group", name="Picture of the race")
    stage.focus()
    scrolled = page.evaluate("scrollY")
    width = stage.evaluate("node => getComputedStyle(node).outlineWidth")
    assert float(width.removesuffix("px")) >= 2
    for key, step in [("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)]:
        page.keyboard.press(key)
        assert scrub(page).input_value() == str(step)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    page.keyboard.press("End")
    assert scrub(page).input_value() == str(STEPS)
    assert page.evaluate("scrollY") == scrolled


def test_all_is_reached_by_tab_and_seen(page: Page) -> None:
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, width = page.evaluate(
            "() => { const node = document.activeElement, ring = node.closest('.race-surfaces')"
            " ? node.nextSibling : node; return [node.tagName + (node.type || ''),"
            " getComputedStyle(ring).outlineStyle + getComputedStyle(ring).outlineWidth]; }"
        )
        if name.startswith("BODY"):
            break
        assert width == "solid2px", name
        reached.append(name)
    controls = ["INPUTradio", "DIV", *4 * ["BUTTONbutton"], "INPUTrange", *2 * ["SELECTselect-one"]]
    assert reached == controls + len(OPTIMIZERS) * ["INPUTcheckbox", "SELECTselect-one"]


def test_surface_and_step_by_keyboard(page: Page) -> None:
    page.get_by_role("radio", name="Ravine").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="Saddle").is_checked()
    assert page.get_by_text("saddle point at").is_visible()
    scrub(page).focus()
    page.keyboard.press("ArrowLeft")
    assert scrub(page).input_value() == str(STEPS - 1)
    assert page.get_by_role("status").inner_text().startswith(f"Step {STEPS - 1} of")


# Everywhere


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser: Browser, scheme: str) -> None:
    page = browser.open("one.html", scheme)
    scrub(page).fill("12")
    assert accessibility_problems(page) == []


def test_black_is_light_in_the_dark(browser: Browser) -> None:
    def brightness(scheme: str) -> float:
        page = browser.open("one.html", scheme)
        line = page.locator(".race-stage polyline").nth(6)
        text: str = line.evaluate(
            "node => { const c = document.createElement('canvas').getContext('2d');"
            " c.fillStyle = getComputedStyle(node).stroke; c.fillRect(0, 0, 1, 1);"
            " return String(c.getImageData(0, 0, 1, 1).data[0]); }"
        )
        return float(text)

    assert brightness("light") < 60
    assert brightness("dark") > 190


@pytest.mark.parametrize("margin", [0, 32])
def test_a_phone_is_wide_enough(browser: Browser, margin: int) -> None:
    """Also inside the margins of a page of the book."""
    page = browser.open("one.html", size={**PHONE, "width": PHONE["width"] - margin})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] - margin
    app = page.locator(".race-app")
    assert app.evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    targets = page.locator("button, select, input[type=range], .race-table label").all()
    assert all((target.bounding_box() or {})["height"] >= 24 for target in targets)


def test_paper_shows_the_still_figure(browser: Browser) -> None:
    page = browser.open("one.html")
    page.emulate_media(media="print")
    assert page.locator(".race-still img").is_visible()
    assert not page.locator(".race-app").is_visible()


def test_without_scripts_the_still_figure_stands_there(browser: Browser, race: Race) -> None:
    context = browser._browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(browser.address + "one.html")
    still = page.get_by_role("img", name=race.summary())
    assert still.is_visible()
    box = still.bounding_box()
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.get_by_role("button").count() == 0
    context.close()


def test_two_races_on_a_page_are_two(browser: Browser) -> None:
    page = browser.open("two.html")
    apps = page.locator(".race-app")
    assert apps.count() == 2
    apps.nth(1).get_by_role("radio", name="Saddle").check()
    apps.nth(1).get_by_label("Step", exact=True).fill("3")
    assert apps.nth(0).get_by_role("radio", name="Ravine").is_checked()
    assert apps.nth(0).get_by_label("Step", exact=True).input_value() == str(STEPS)
    ids: list[str] = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    assert accessibility_problems(page) == []


def test_the_script_can_run_again_and_leaves_nothing_behind(browser: Browser) -> None:
    page = browser.open("two.html")
    assert page.evaluate("Object.keys(window).length - window.before") == 1  # `before` itself
    page.add_script_tag(content=race_page._file("race.js"))
    assert page.locator(".race-app").count() == 2
