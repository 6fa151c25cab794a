"""The student's notebook in an environment like Colab's: it runs, and changes no version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import test_colab

from book.labels import collect
from book.project import Project
from grading.assignments import load
from grading.student import Writer

ROOT = test_colab.ROOT
colab, package = test_colab.colab, test_colab.package


@pytest.fixture
def executed(colab: Path, package: Path, tmp_path: Path) -> Callable[[nbformat.NotebookNode], str]:
    """Execute a notebook and return all that it printed; it must not raise."""

    def execute(notebook: nbformat.NotebookNode) -> str:
        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        path = tmp_path / f"{folder.name}.ipynb"
        nbformat.write(notebook, path)
        cells = test_colab.execute(path, colab, package, folder).cells
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        return "\n".join(o.get("text") or o["data"]["text/plain"] for o in outputs)

    return execute


@pytest.mark.parametrize("name", ["optimizers", "regularization"])
def test_it_runs_unsolved_and_solved_and_installs_nothing_else(name, colab, executed):
    project, assignment = Project.load(ROOT), load(name, ROOT)
    labels = collect(project)
    unsolved, solved = (
        Writer(assignment, project, labels, solutions).notebook() for solutions in (False, True)
    )
    before = test_colab.freeze(colab)
    said = executed(unsolved)
    changed = before ^ test_colab.freeze(colab)
    assert {re.split(r"[=@ ]", line)[0].replace("_", "-") for line in changed} == {"course-utils"}
    tests = sum(item.tests.count("\ndef test_") for item in assignment.items)
    assert said.count("○") == said.count("not attempted") == tests
    assert not re.search("✓|✗", said)

    said = executed(solved)
    assert said.count("○") == said.count("✓") == tests  # the stubs first, then the solutions
    assert "✗" not in said
    assert changed == before ^ test_colab.freeze(colab)
