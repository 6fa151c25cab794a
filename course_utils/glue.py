"""Numbers that the prose of a page quotes."""

from __future__ import annotations

from typing import Any

from course_utils.display import publish
from course_utils.stats import Estimate


def glue(**values: object) -> None:
    """Print each value and keep it for the page, where the text quotes it by name.

    The book reads the value with the role `glue:text`; in a notebook the text shows the name,
    and the value stands in the output of the cell.

    >>> glue(answer=42)
    answer = 42
    """
    for name, value in values.items():
        if isinstance(value, Estimate):
            value = str(value)
        elif hasattr(value, "item"):
            value = value.item()  # a number of NumPy or PyTorch; their repr is not one
        print(f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}")
        _store(name, value)


def _store(name: str, value: Any) -> None:
    """Write the value as MyST-NB's own `glue` does; repeated here because Colab lacks MyST-NB."""
    prefix = "application/papermill.record/"
    scrapbook = {"name": name, "mime_prefix": prefix}
    publish({prefix + "text/plain": repr(value)}, {"scrapbook": scrapbook})
