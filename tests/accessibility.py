"""What axe finds on an open page: all rules once, the rules of colour again in the other theme."""

from __future__ import annotations

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, TimeoutError

COLOURS = ["color-contrast", "link-in-text-block"]
# Words of code and parts of formulas are most of a long page, and axe needs two minutes for them.
# One word of each kind and place is left, the others become text without mark-up, of the same
# colour. Drawn formulas are hidden from screen readers and have the colour of their text.
THIN_OUT = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll('pre span, code span, .sig span')) {
    const places = [];
    for (let place = word; place; place = place.parentElement) places.push(place.className);
    const kind = places.join(' < ');
    const plain = [...word.attributes].every(attribute => attribute.name === 'class');
    if (plain && seen.has(kind)) word.replaceWith(...word.childNodes);
    seen.add(kind);
  }
  document.querySelectorAll('.katex-html').forEach(drawn => drawn.replaceChildren());
}"""
# Contrast follows from an element's own look and what is painted behind it: of the elements that
# are equal in both, three are enough (one of them may be covered, or scrolled out of sight).
EACH_LOOK = """() => {
  const behind = new Map([[null, '']]);
  const painted = element => {
    if (!behind.has(element)) {
      const style = getComputedStyle(element);
      const paint = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter];
      const none = paint.join() === 'rgba(0, 0, 0, 0),none,1,none';
      behind.set(element, painted(element.parentElement) + (none ? '' : '|' + paint.join()));
    }
    return behind.get(element);
  };
  const looks = new Map();
  const look = element => {
    const style = getComputedStyle(element);
    const around = getComputedStyle(element.parentElement).color;
    const text = [style.color, style.fontSize, style.fontWeight, style.textShadow, around];
    const key = [painted(element), element.tagName, ...text].join(';');
    looks.set(key, [...(looks.get(key) || []), element].slice(0, 3));
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    const words = texts.currentNode.data.trim().length > 1; // axe has no verdict on one letter
    if (words && box.width > 1 && element.checkVisibility()) look(element);
  }
  const fields = document.querySelectorAll('input, select, textarea');
  return [...looks.values()].flat().concat([...fields]);
}"""
VISIBLE = "[...document.body.querySelectorAll('*')].filter(element => element.checkVisibility())"


def accessibility_problems(page: Page) -> list[str]:
    """What axe finds, one line for each element. It changes the page."""
    # Closed boxes are checked too, as a reader sees them when they are open.
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    closed = "button.toggle-button[aria-expanded=false]"
    page.evaluate(f"document.querySelectorAll('{closed}').forEach(button => button.click())")
    page.evaluate(THIN_OUT)
    page.evaluate(Axe().axe_script)
    rest = {rule: {"enabled": False} for rule in COLOURS}
    return [*_run(page, "[document]", {"rules": rest}), *_colour_problems(page)]


def problems_in_dark(page: Page) -> list[str]:
    """What changes when an examined page becomes dark: colours, and what was not visible before."""
    page.evaluate(f"window.light = new Set({VISIBLE})")
    page.emulate_media(color_scheme="dark")
    try:
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'", timeout=10_000)
    except TimeoutError:
        return ["the theme does not follow the system"]
    new = f"{VISIBLE}.filter(element => !light.has(element))"
    return [*_colour_problems(page), *_run(page, new, {})]


def _colour_problems(page: Page) -> list[str]:
    return _run(page, f"({EACH_LOOK})()", {"runOnly": COLOURS})


def _run(page: Page, elements: str, options: dict[str, object]) -> list[str]:
    arguments = json.dumps(options | {"resultTypes": ["violations"]})
    violations = page.evaluate(
        f"""async () => {{
          const include = {elements};
          return include.length ? (await axe.run({{include}}, {arguments})).violations : [];
        }}"""
    )
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in violations
        for node in violation["nodes"]
    ]
