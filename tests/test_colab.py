"""Every notebook from top to bottom in an environment that looks like Colab.

It has what Colab preinstalls of our needs, an importable `google.colab`, and no `course_utils`:
the first cell installs that, here from a local folder, without a network and without building in
isolation (setuptools is preinstalled in Colab, too).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock

from book import notebooks
from book.leftovers import leftovers
from book.project import Project

ROOT = Path(__file__).resolve().parents[1]
PREINSTALLED = ["torch", "numpy", "matplotlib", "scikit-learn", "scipy", "nltk", "plotly"]
MACHINERY = ["ipykernel", "nbclient", "setuptools", "wheel"]
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


def purelib_of(folder: Path) -> Path:
    """Where the environment in `folder` keeps its packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))


def make_colab(folder: Path) -> None:
    """Build the environment in `folder`; the stamp is written last."""
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    wanted = [*PREINSTALLED, *MACHINERY]
    run(python, "-m", "pip", "install", "-q", "-c", ROOT / "requirements.txt", *wanted)
    google = purelib_of(folder) / "google" / "colab"
    google.mkdir(parents=True)
    (google / "__init__.py").touch()
    (folder / ".complete").touch()


@pytest.fixture(scope="session")
def base() -> Path:
    """Folder of the environment, built once for each lock and Python version."""
    surroundings = (ROOT / "requirements.txt").read_bytes() + sys.version.encode()
    surroundings += repr((PREINSTALLED, MACHINERY)).encode()
    folder = ROOT / ".cache" / f"colab-{hashlib.sha256(surroundings).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        for old in folder.parent.glob("colab-*/"):
            if old != folder:
                shutil.rmtree(old)
        if not (folder / ".complete").exists():
            make_colab(folder)
    return folder


@pytest.fixture
def colab(base: Path, tmp_path: Path) -> Path:
    """Python of a fresh layer on top of the environment: notebooks run at once, each in its own."""
    folder = tmp_path / "colab"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (purelib_of(folder) / "base.pth").write_text(f"{purelib_of(base)}\n")
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
