from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book.setup_cell import find_setup_cell, setup_cell
from tools import restamp

ROOT = Path(__file__).resolve().parents[1]
OLD, NEW = "https://github.com/OLD/COURSE", "https://github.com/new/fork"
HEADER = (ROOT / "tests/fixture_book/chapters/other.md").read_text("utf8").split("\n\n")[0]


@pytest.fixture
def fork(tmp_path) -> Path:
    """A course whose configuration has a new address, and whose files have the old one."""
    (tmp_path / "_config.yml").write_text(f"repository: {{url: {NEW}, branch: main}}\n")
    (tmp_path / "_toc.yml").write_text("root: chapters/one\n")
    (tmp_path / "chapters").mkdir()
    text = f"{HEADER}\n\n# One\n\n{setup_cell(OLD)}\n\n```{{code-cell}} ipython3\nx = 1\n```\n"
    (tmp_path / "chapters" / "one.md").write_text(text)
    (tmp_path / "chapters" / "index.md").write_text("# No code\n")
    (tmp_path / "CITATION.cff").write_text(f"repository-code: {OLD}\n")
    readme = f"See {OLD}, {OLD}/issues, {OLD}-other and https://OLD.github.io/COURSE/x.html\n"
    (tmp_path / "README.md").write_text(readme)
    return tmp_path


def test_a_fork_is_stamped_everywhere_and_then_passes_the_check(fork, capsys):
    assert restamp.main(["--check"], fork) == 1
    out = capsys.readouterr().out
    assert all(name in out for name in ("chapters/one.md", "README.md", "CITATION.cff"))
    assert "index.md" not in out
    assert restamp.main([], fork) == 0
    assert restamp.main(["--check"], fork) == 0
    readme = (fork / "README.md").read_text()
    assert readme == f"See {NEW}, {NEW}/issues, {OLD}-other and https://new.github.io/fork/x.html\n"
    assert (fork / "CITATION.cff").read_text() == f"repository-code: {NEW}\n"
    first = next(
        cell
        for cell in nbformat.read(fork / "chapters" / "one.ipynb", 4).cells
        if cell.cell_type == "code"
    )
    assert f'"git+{NEW}"' in first.source
    assert first.metadata.tags == ["setup", "remove-cell"]
    assert "x = 1" in (fork / "chapters" / "one.md").read_text()


@pytest.mark.parametrize("change", ["-q ", "remove-cell"])
def test_an_edited_set_up_cell_fails_the_check_and_is_restored(fork, change, capsys):
    restamp.main([], fork)
    md = fork / "chapters" / "one.md"
    good = md.read_text()
    md.write_text(good.replace(change, "hide-input" if "cell" in change else "", 1))
    capsys.readouterr()
    assert restamp.main(["--check"], fork) == 1
    assert "chapters/one.md does not carry" in capsys.readouterr().out
    assert restamp.main([], fork) == 0
    assert md.read_text() == good


def test_a_chapter_without_a_set_up_cell_is_named(fork, capsys):
    md = fork / "chapters" / "one.md"
    md.write_text(md.read_text().replace(setup_cell(OLD), "```{code-cell}\n:tags: [stub]\n1\n```"))
    for arguments in (["--check"], []):
        assert restamp.main(arguments, fork) == 1
        assert "chapters/one.md: the first code cell is not the set-up" in capsys.readouterr().err


def test_the_set_up_cell_is_found_again_and_does_nothing_outside_colab(tmp_path):
    cell = setup_cell(NEW)
    assert find_setup_cell(f"# T\n\n{cell}\n\n```{{code-cell}}\n1\n```\n") == cell
    code = "\n".join(cell.split("\n")[2:-1]).replace("%pip", "raise SystemExit(3) #")
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0
    (tmp_path / "google" / "colab").mkdir(parents=True)
    (tmp_path / "google" / "colab" / "__init__.py").touch()
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 3


def test_this_repository_is_in_step_as_the_command_line_sees_it():
    command = [sys.executable, str(ROOT / "tools" / "restamp.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
