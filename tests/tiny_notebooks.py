"""Notebooks of a line or two, and a project that they could belong to."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from book import cache, kernels

new_output = nbformat.v4.new_output


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def executed(text: str = "42\n") -> NotebookNode:
    done = notebook("print(6 * 7)")
    done.cells[0].outputs = [new_output("stream", name="stdout", text=text)]
    return done


@pytest.fixture
def cpu_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU, no network, and nothing that depends on this machine."""
    for module in (cache, kernels):
        monkeypatch.setattr(module, "has_gpu", lambda: False)
    monkeypatch.setattr(cache, "_surroundings", lambda: "test")
    monkeypatch.setattr(cache, "_sst2", lambda: "stand-in")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "course_utils").mkdir()
    (tmp_path / "course_utils" / "a.py").write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("torch==2\n")
    return tmp_path
