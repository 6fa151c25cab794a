import ast

import pytest
import torch

from course_utils import source, stats
from course_utils.source import source_of


class Example:
    """A class."""

    # a comment that explains

    def method(self):
        """Only a docstring."""

    def other(self):
        """Two lines.

        More.
        """

        # kept
        return """not a docstring"""


def test_docstrings_go_and_code_stays() -> None:
    text = source_of(Example)
    assert "A class." not in text
    assert "More." not in text
    assert "Only a docstring." in text  # a body must stay
    assert "# kept" in text
    assert "# a comment that explains" in text
    assert "not a docstring" in text


@pytest.mark.parametrize("item", [stats.mean_ci, stats.Estimate, Example.other, source_of])
def test_the_source_shown_is_the_code_that_runs(item) -> None:
    def without_docstrings(text: str) -> str:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and len(body) > 1 and isinstance(body[0], ast.Expr):
                del body[0]
        return ast.dump(tree)

    shown, whole = source_of(item), source_of(item, docstrings=True)
    assert without_docstrings(shown) == without_docstrings(whole)


def test_what_has_no_source_is_named() -> None:
    for item in (3, torch.add):
        with pytest.raises(TypeError, match="item must be a function, method or class"):
            source_of(item)


def test_show_publishes_markdown(monkeypatch) -> None:
    bundles = []
    monkeypatch.setattr(source, "publish", bundles.append)
    source.show(stats.mean_ci)
    assert bundles[0]["text/markdown"].startswith("```python\ndef mean_ci(")
