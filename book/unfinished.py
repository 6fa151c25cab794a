"""A build that failed or was interrupted is done again in full (its executed notebooks are kept).

Sphinx reads and writes again only what changed. After a failure that is too little: the warnings
of pages that did not change are not repeated, so the second build of a broken book passes; and a
page that was being written when the build was killed stays cut off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config


def _marker(app: Sphinx) -> Path:
    return Path(app.doctreedir) / ".unfinished"


def start(app: Sphinx, config: Config) -> None:
    """Forget what the last build read, if that build did not end well."""
    marker = _marker(app)
    if marker.exists():
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Note that everything went well, if it did."""
    if exception is None and not app._warncount:
        _marker(app).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("config-inited", start)
    app.connect("build-finished", finish, priority=999)  # others may still warn
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
