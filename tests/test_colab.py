"""Every notebook from top to bottom in an environment that looks like Colab.

It has what Colab preinstalls of our needs, an importable `google.colab`, and no `course_utils`:
the first cell installs that, here from a local folder, without a network and without building in
isolation (setuptools is preinstalled in Colab, too).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from book import notebooks
from book.leftovers import leftovers
from book.project import Project

ROOT = Path(__file__).resolve().parents[1]
PREINSTALLED = ["torch", "numpy", "matplotlib", "scikit-learn", "scipy", "nltk", "plotly"]
MACHINERY = ["ipykernel", "nbclient", "pip", "setuptools", "wheel"]
CHAPTERS = [path.with_suffix(".ipynb") for path in notebooks.chapters(Project.load(ROOT))]
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
client = NotebookClient(notebook, timeout=300, skip_cells_with_tag="gpu")
client.execute()
nbformat.write(notebook, sys.argv[2])
"""


def run(*command: object, **options: object) -> str:
    """Output of a command; its errors are the failure."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=900, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


def closure(names: Iterable[str]) -> dict[str, Distribution]:
    """The installed distributions of these names, and all that they require."""
    found: dict[str, Distribution] = {}
    waiting = [*names]
    while waiting:
        if (name := canonicalize_name(waiting.pop())) in found:
            continue
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.fixture(scope="session")
def preinstalled(tmp_path_factory) -> Path:
    """A folder with links to the packages that Colab has, of the lock's versions, and no others."""
    folder = tmp_path_factory.mktemp("preinstalled")
    for part in closure([*PREINSTALLED, *MACHINERY]).values():
        for name in {file.parts[0] for file in part.files or ()} - {"..", "__pycache__"}:
            (folder / name).symlink_to(part.locate_file(name))
    (folder / "google" / "colab").mkdir(parents=True)
    (folder / "google" / "colab" / "__init__.py").touch()
    return folder


@pytest.fixture
def colab(preinstalled: Path, tmp_path: Path) -> Path:
    """Python of an environment of its own, so that notebooks can run at the same time.

    What is preinstalled lies outside: pip never removes what is not in its environment.
    """
    folder = tmp_path / "colab"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    purelib = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    (purelib / "preinstalled.pth").write_text(f"{preinstalled}\n")
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def package(tmp_path_factory) -> Path:
    """A copy of what pip needs of the repository: building writes into the folder it reads."""
    folder = tmp_path_factory.mktemp("package")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course_utils", folder / "course_utils", ignore=ignore)
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def freeze(python: Path) -> set[str]:
    return set(run(python, "-m", "pip", "freeze", "--all").splitlines())


def environment(colab: Path, package: Path) -> dict[str, str]:
    """As in Colab: the kernel is that of the environment, and nothing of ours reaches it."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return keep | {
        "PATH": f"{colab.parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(colab.parent.parent),
        "COURSE_PACKAGE": str(package),
        "OMP_NUM_THREADS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's name of the switch is negated: this is "off"
        "PIP_NO_INDEX": "1",
        "JUPYTER_PATH": "",
    }


def execute(notebook: Path, colab: Path, package: Path, folder: Path) -> nbformat.NotebookNode:
    """Execute a copy of the notebook in an empty folder."""
    shutil.copy(notebook, folder / notebook.name)
    result = folder / "executed.ipynb"
    command = [colab, "-c", EXECUTE, folder / notebook.name, result]
    run(*command, cwd=folder, env=environment(colab, package))
    return nbformat.read(result, 4)


def test_it_has_no_more_than_colab(colab):
    run(
        colab,
        "-I",
        "-c",
        "import torch, numpy, matplotlib, sklearn, scipy, nltk, plotly, google.colab",
    )
    for name in ("course_utils", "jupytext", "sphinx", "pytest", "hypothesis"):
        with pytest.raises(AssertionError, match=f"No module named '{name}'"):
            run(colab, "-I", "-c", f"import {name}")


def test_there_are_chapters():
    assert CHAPTERS


@pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
def test_notebook_runs_as_in_colab_and_changes_no_version(notebook, colab, package, tmp_path):
    before = freeze(colab)
    executed = execute(notebook, colab, package, tmp_path)
    changed = before ^ freeze(colab)
    assert {re.split(r"[=@ ]", line)[0].replace("_", "-") for line in changed} <= {"course-utils"}
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            assert not leftovers(cell.source)
            continue
        errors = [output for output in cell.outputs if output.output_type == "error"]
        tags = cell.metadata.get("tags", [])
        assert not errors or "raises-exception" in tags
        skipped = "gpu" in tags
        assert cell.execution_count or skipped or not cell.source.strip()


def test_the_first_cell_is_what_installs_the_package(colab, package, tmp_path):
    cells = nbformat.read(CHAPTERS[0], 4).cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    look = nbformat.v4.new_code_cell("import course_utils; print(course_utils.__file__)")
    path = tmp_path / "first.ipynb"
    for cells, works in (([look], False), ([first, look], True)):
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        if works:
            (tmp_path / "run").mkdir()
            executed = execute(path, colab, package, tmp_path / "run")
            assert str(colab.parent.parent) in executed.cells[-1].outputs[0].text
        else:
            (tmp_path / "fail").mkdir()
            with pytest.raises(AssertionError, match="No module named 'course_utils'"):
                execute(path, colab, package, tmp_path / "fail")
