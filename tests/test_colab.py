"""The set-up cell, and the kernel in which nbval runs all other cells, as they are in Colab.

It has what Colab preinstalls of our needs, an importable `google.colab`, and no `course_utils`:
the first cell installs that, here from a local folder, without a network and without building in
isolation (setuptools is preinstalled in Colab, too).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from book import notebooks
from book.colab import installs, make_environment, make_kernel
from book.leftovers import leftovers
from book.project import Project

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = [path.with_suffix(".ipynb") for path in notebooks.chapters(Project.load(ROOT))]
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300).execute()
nbformat.write(notebook, sys.argv[2])
"""


def run(*command: object, **options: object) -> str:
    """Output of a command; its errors are the failure."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=900, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


@pytest.fixture
def colab(tmp_path: Path) -> Path:
    """Python of the environment, with an importable `google.colab`."""
    google = tmp_path / "google"
    (google / "colab").mkdir(parents=True)
    (google / "colab" / "__init__.py").touch()
    return make_environment(tmp_path / "colab", links=[google])


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
def test_text_of_a_notebook_has_no_syntax_of_the_book(notebook):
    for cell in nbformat.read(notebook, 4).cells:
        assert cell.cell_type == "code" or not leftovers(cell.source)


def first_cell(notebook):
    cells = nbformat.read(notebook, 4).cells
    return next(cell.source for cell in cells if "setup" in cell.metadata.get("tags", []))


def test_packages_that_a_notebook_installs_are_read_from_its_cells():
    cells = [
        nbformat.v4.new_code_cell(source)
        for source in (
            "%pip install -q --no-deps {course}",
            "if missing:\n    %pip install -q optuna mlflow-skinny",
            "print('%pip install -q no')",
        )
    ]
    assert installs(nbformat.v4.new_notebook(cells=cells)) == ["optuna", "mlflow-skinny"]


def test_a_kernel_has_what_a_notebook_installs(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(make_kernel(tmp_path, ["mlflow-skinny", "optuna"])))
    code = "import google.auth, mlflow, opentelemetry.sdk, opentelemetry.trace, optuna"
    client = NotebookClient(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]))
    client.execute()


@pytest.mark.parametrize("text", sorted({first_cell(notebook) for notebook in CHAPTERS}))
def test_the_set_up_cell_installs_the_package_and_changes_no_version(
    text, colab, package, tmp_path
):
    look = nbformat.v4.new_code_cell("import course_utils; print(course_utils.__file__)")
    path = tmp_path / "first.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[look]), path)
    (tmp_path / "fail").mkdir()
    with pytest.raises(AssertionError, match="No module named 'course_utils'"):
        execute(path, colab, package, tmp_path / "fail")

    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text), look]), path)
    (tmp_path / "run").mkdir()
    before = freeze(colab)
    executed = execute(path, colab, package, tmp_path / "run")
    installed = Path(executed.cells[-1].outputs[0].text.strip()).parent
    assert installed.is_relative_to(colab.parent.parent)
    changed = before ^ freeze(colab)
    assert {re.split(r"[=@ ]", line)[0].replace("_", "-") for line in changed} == {"course-utils"}

    # All of it, data files too: notebooks are tested with the package as it lies here.
    assert files_of(installed) == files_of(package / "course_utils")


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize(
    ("code", "works"),
    [
        ("import torch, numpy, matplotlib, sklearn, scipy, nltk, plotly, course_utils", True),
        ("import os; assert os.listdir() == []", True),
        *[(f"import {name}", False) for name in ("book", "tests", "sphinx", "jupytext", "pytest")],
    ],
)
def test_the_kernel_of_notebooks_has_the_package_and_no_more_than_colab(
    code, works, tmp_path, monkeypatch
):
    folder = make_kernel(tmp_path / "kernel", links=[ROOT / "course_utils"])
    monkeypatch.setenv("JUPYTER_PATH", str(folder))
    client = NotebookClient(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]))
    if works:
        client.execute()
    else:
        with pytest.raises(CellExecutionError, match="No module named"):
            client.execute()
