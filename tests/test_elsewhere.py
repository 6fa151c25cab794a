"""Other rounding reaches the notebooks, and a claim that fails there is told."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
import tiny_notebooks

from tools import elsewhere


def run(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(
        os, "environ", dict(os.environ)
    )  # what `main` sets there ends with the test
    nbformat.write(tiny_notebooks.notebook(source), folder / "one.ipynb")
    return elsewhere.main(folder)


def test_vector_units_are_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import torch; assert torch.backends.cpu.get_cpu_capability() == 'DEFAULT'"
    assert run(tmp_path, source, monkeypatch) == 0


def test_a_failing_cell_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "from course_utils.claims import claim\nclaim('a-b', 'It holds.', holds=False)"
    assert run(tmp_path, source, monkeypatch) == 1
    assert "one.ipynb" in (text := capsys.readouterr().out)
    assert "claim 'a-b' does not hold" in text
