"""Icon fonts cut down to the icons that the pages show.

The theme sends 270 KB of Font Awesome to each reader, for 20 drawings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydata_sphinx_theme
from fontTools import subset
from sphinx.application import Sphinx

FONTS = Path("vendor/fontawesome/webfonts")
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static"
NAME = re.compile(r"\bfa-[a-z0-9-]+")
# Selectors are tried from their beginning only: from each letter it takes seconds.
RULE = re.compile(r'(?<![^{}])([^{}]*):before\{content:"\\([0-9a-f]+)"\}')
# Style sheets also draw icons without naming them; these characters are for private use.
DRAWN = re.compile(r'"\\([ef][0-9a-f]{3})"|([\ue000-\uf8ff])')


def icons_of(texts: Iterable[str], styles: Iterable[str]) -> set[int]:
    r"""Code points of the icons that pages and scripts name, or that style sheets draw themselves.

    >>> style = r'.fa-sun:before{content:"\f185"}.fa-moon:before{content:"\f186"}a{content:"\f303"}'
    >>> icons_of(['<i class="fas fa-sun">'], [style]) == {0xF185, 0xF303}
    True
    """
    named = {name for text in texts for name in NAME.findall(text)}
    icons: set[int] = set()
    for style in styles:
        rules = [(set(NAME.findall(names)), code) for names, code in RULE.findall(style)]
        icons |= {int(code, 16) for names, code in rules if named & names}
        rest = RULE.sub(lambda rule: "" if NAME.search(rule[1]) else rule[0], style)
        icons |= {int(code, 16) if code else ord(char) for code, char in DRAWN.findall(rest)}
    return icons


def cut(font: Path, icons: set[int], target: Path) -> None:
    """Write the font with these icons alone."""
    options = subset.Options(flavor="woff2", notdef_outline=True)
    with subset.load_font(font, options) as loaded:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=icons)
        cutter.subset(loaded)
        subset.save_font(loaded, target, options)


def cut_fonts(app: Sphinx, exception: Exception | None) -> None:
    """Cut the theme's fonts anew, since other pages may show other icons now."""
    if exception or app.builder.name != "html":
        return
    static = Path(app.outdir) / "_static"
    pages = [*Path(app.outdir).rglob("*.html"), *static.glob("scripts/*.js")]
    texts = (path.read_text(encoding="utf8") for path in pages)
    styles = (path.read_text(encoding="utf8") for path in static.rglob("*.css"))
    icons = icons_of(texts, styles)
    for font in sorted((THEME / FONTS).glob("*.woff2")):
        cut(font, icons, static / FONTS / font.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, after the pages have their last form."""
    app.connect("build-finished", cut_fonts, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
