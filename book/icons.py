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
RULE = re.compile(r'([^{}]*):before\{content:"\\([0-9a-f]+)"\}')


def icons_of(texts: Iterable[str], styles: str) -> set[int]:
    r"""Code points of the icons that are named in pages and scripts.

    >>> icons_of(['<i class="fas fa-sun">'], r'.fa-sun:before{content:"\f185"}') == {0xF185}
    True
    """
    named = {name for text in texts for name in NAME.findall(text)}
    rules = RULE.findall(styles)
    return {int(code, 16) for names, code in rules if named & set(NAME.findall(names))}


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
    styles = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf8")
    icons = icons_of((path.read_text(encoding="utf8") for path in pages), styles)
    for font in sorted((THEME / FONTS).glob("*.woff2")):
        cut(font, icons, static / FONTS / font.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, after the pages have their last form."""
    app.connect("build-finished", cut_fonts, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
