"""Builds small books with one extension at a time, in the process of the tests."""

from __future__ import annotations

import io
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

SETTINGS = {
    "myst_enable_extensions": ["dollarmath", "colon_fence", "tasklist"],
    "exclude_patterns": ["_build", "course_utils"],
    "root_doc": "index",
    "nitpicky": True,
}


class Built:
    """A built book: its output folder and warnings."""

    def __init__(self, outdir: Path, warnings: str) -> None:
        self.outdir = outdir
        self.warnings = re.sub(r"\x1b\[[0-9;]*m", "", warnings)

    def text(self, name: str) -> str:
        return (self.outdir / name).read_text(encoding="utf8")


def build(root: Path, pages: dict[str, str], builder: str = "html", **settings: object) -> Built:
    """Write `pages` under `root` and build them; what did not change is not written anew."""
    names = "\n".join(name for name in pages if name != "index")
    index = f"# Index\n\n```{{toctree}}\n{names}\n```\n"
    for name, text in {"index": index, **pages}.items():
        path = root / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf8") != text:
            path.write_text(text, encoding="utf8")
    stream, out = io.StringIO(), root / "_build"
    with patch_docutils(str(root)), docutils_namespace():
        app = Sphinx(
            str(root),
            None,
            str(out / builder),
            str(out / f"doctrees-{builder}"),
            builder,
            confoverrides={**SETTINGS, **settings},
            status=None,
            warning=stream,
        )
        app.build()
    return Built(out / builder, stream.getvalue())
