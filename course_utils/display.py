"""Rich output in a notebook, plain text elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from IPython import display, get_ipython

# Entries of the book's ledger of claims. Here, so that the book reads them without importing torch.
CLAIM = "application/vnd.course.claim+json"


def publish(bundle: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
    """Display a bundle of representations by MIME type; outside a notebook, print its plain text.

    >>> publish({"text/html": "<b>5</b>", "text/plain": "5"})
    5
    """
    if get_ipython() is not None:
        display.publish_display_data(dict(bundle), dict(metadata or {}))
    elif "text/plain" in bundle:
        print(bundle["text/plain"])


def spaced_percent(text: str) -> str:
    """Write per cent as all text of the book does; Python's own format puts no space before it.

    >>> spaced_percent(f"{0.956:.1%} ± 0.3 %, and 100% before")
    '95.6 % ± 0.3 %, and 100 % before'
    """
    return re.sub(r"(?<=\d)%", " %", text)
