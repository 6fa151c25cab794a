"""Outputs are kept as long as nothing they depend on changes, whoever is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from minibook import ROOT
from nbformat import NotebookNode
from tiny_notebooks import cpu_offline, executed, new_output, notebook, project

from book import cache
from book.cache import OutputCache, fingerprint, merge_streams, tidy

__all__ = ["cpu_offline", "project"]  # fixtures
pytestmark = pytest.mark.usefixtures("cpu_offline")


# What outputs depend on


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", *(f"course_utils/{n}" for n in ("a.py", "new.py", "a.js", "a.css"))],
)
def test_outputs_depend_on_what_notebooks_import(project: Path, name: str) -> None:
    before = fingerprint(project)
    (project / name).write_text("x = 2\n")
    assert fingerprint(project) != before


def test_outputs_do_not_depend_on_the_rest(project: Path) -> None:
    before = fingerprint(project)
    (project / "README.md").write_text("new")
    (project / "course_utils" / "__pycache__").mkdir()
    (project / "course_utils" / "__pycache__" / "a.pyc").write_text("new")
    assert fingerprint(project) == before


def test_moving_a_line_between_files_is_a_change(project: Path) -> None:
    (project / "course_utils" / "b.py").write_text("y = 1\n")
    before = fingerprint(project)
    (project / "course_utils" / "a.py").write_text("")
    (project / "course_utils" / "b.py").write_text("x = 1\ny = 1\n")
    assert fingerprint(project) != before


def test_outputs_depend_on_data_gpu_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(cache, "has_gpu", lambda: False)
    seen = set()
    for status in ("real", "stand-in"):
        monkeypatch.setattr(cache, "_sst2", lambda status=status: status)
        cache._surroundings.cache_clear()
        seen.add(cache._surroundings())
    monkeypatch.setattr(cache, "has_gpu", lambda: True)
    cache._surroundings.cache_clear()
    seen.add(cache._surroundings())
    cache._surroundings.cache_clear()
    assert len(seen) == 3
    assert all(sys.version in text for text in seen)


# The cache


def test_outputs_are_found_by_cells_whatever_the_prose(project: Path) -> None:
    store = OutputCache(project).open()
    assert store.find(notebook("print(6 * 7)")) is None
    assert store.store(executed(), project / "a.md", 1.0)
    other = notebook("print(6 * 7)")
    other.cells.insert(0, nbformat.v4.new_markdown_cell("New words."))
    found = store.find(other)
    assert found is not None
    assert found.cells[1].outputs[0].text == "42\n"
    assert store.find(notebook("print(6 * 8)")) is None
    assert store.find(notebook("print(6 * 7)", tags=("gpu",))) is None


def _cut(entry: Path) -> None:
    entry.write_text(entry.read_text()[:40])


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        Path.unlink,
        lambda entry: shutil.rmtree(entry.parent),
        lambda entry: (entry.parents[2] / "global.db").unlink(),
        lambda entry: (entry.parents[2] / "global.db").write_bytes(b"cut off"),
        lambda entry: (entry.parents[2] / "global.db").write_bytes(b""),
    ],
    ids=["half a file", "no file", "no folder", "no data base", "half a data base", "no tables"],
)
def test_a_process_killed_while_writing_does_no_harm(project: Path, damage: object) -> None:
    store = OutputCache(project).open()
    store.store(executed(), project / "a.md")
    (entry,) = store.folder.glob("executed/*/base.ipynb")
    damage(entry)  # type: ignore[operator]
    store = OutputCache(project).open()
    assert store.find(notebook("print(6 * 7)")) is None
    assert store.store(executed(), project / "a.md")
    assert store.find(notebook("print(6 * 7)")) is not None


def test_outputs_of_code_that_changed_meanwhile_are_not_kept(project: Path) -> None:
    store = OutputCache(project).open()
    (project / "course_utils" / "a.py").write_text("x = 2\n")
    assert not store.store(executed(), project / "a.md")
    assert OutputCache(project).open().find(notebook("print(6 * 7)")) is None


def test_old_outputs_go(project: Path) -> None:
    for number in range(6):
        (project / "course_utils" / "a.py").write_text(f"x = {number}\n")
        newest = OutputCache(project).open().folder
        os.utime(newest, (number, number))
    folders = [path for path in newest.parent.iterdir() if path.is_dir()]
    assert len(folders) == cache.KEPT
    assert newest in folders


def test_processes_can_write_at_once(project: Path) -> None:
    script = (
        "import sys; sys.path[:0] = [r'{root}', r'{root}/tests']\n"
        "import test_cache as t; from pathlib import Path\n"
        "t.cache._surroundings = lambda: 'test'\n"
        "store = t.OutputCache(Path('.')).open()\n"
        "assert store.store(t.executed(), Path('{name}'))\n"
    )
    commands = [[sys.executable, "-c", script.format(root=ROOT, name=f"{n}.md")] for n in range(3)]
    with ThreadPoolExecutor() as pool:
        for done in pool.map(
            lambda command: subprocess.run(command, cwd=project, capture_output=True, text=True),
            commands,
        ):
            assert done.returncode == 0, done.stderr
    assert OutputCache(project).open().find(notebook("print(6 * 7)")) is not None


# The form of outputs


def test_streams_are_joined_only_in_a_row() -> None:
    def stream(text: str, name: str = "stdout") -> NotebookNode:
        return new_output("stream", name=name, text=text)

    figure = new_output("display_data", data={"text/plain": "figure"})
    merged = merge_streams([stream("a"), stream("b"), figure, stream("c"), stream("d", "stderr")])
    assert [output.get("text") for output in merged] == ["ab", None, "c", "d"]


def test_a_skipped_gpu_cell_says_so() -> None:
    done = notebook("torch.zeros(1).cuda()", tags=("gpu",))
    done.cells.append(nbformat.v4.new_code_cell("1"))
    done.cells[1].outputs = [new_output("execute_result", data={}, execution_count=7)]
    tidy(done)
    assert cache.NOT_RUN in done.cells[0].outputs[0].data["text/html"]
    assert done.cells[0].execution_count is None
    assert done.cells[1].execution_count == done.cells[1].outputs[0].execution_count == 1
