"""Notebooks are executed once, in parallel, for the book and for nbval."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from minibook import ROOT, MiniBook, cell, figure
from nbformat import NotebookNode
from tiny_notebooks import cpu_offline, executed, notebook, project

from book import cache
from book.cache import OutputCache
from book.kernels import Job, execute
from book.notebooks import main as write_notebooks

__all__ = ["cpu_offline", "project"]  # fixtures
pytestmark = pytest.mark.usefixtures("cpu_offline")


# Kernels


def run(project: Path, *notebooks: NotebookNode, timeout: int = 60) -> list[Job]:
    jobs = [Job(f"page{n}", project / f"page{n}.md", one) for n, one in enumerate(notebooks)]
    execute(jobs, OutputCache(project).open(), timeout, print)
    return jobs


def test_kernels_run_with_what_makes_outputs_repeatable(project: Path) -> None:
    source = "import os\nfor name in {}: print(os.environ[name])".format(
        ("PYTHONHASHSEED", "OMP_NUM_THREADS", "SOURCE_DATE_EPOCH", "COURSE_OFFLINE")
    )
    (job,) = run(project, notebook(source))
    assert job.error == ""
    assert job.notebook.cells[0].outputs[0].text == "0\n1\n0\n1\n"
    assert OutputCache(project).find(notebook(source)) is not None


def test_a_failure_names_cell_and_reason_and_stops_nothing_else(project: Path) -> None:
    bad, hanging, good = run(
        project,
        notebook("1", "raise ValueError('too big')"),
        notebook("while True: pass"),
        notebook("print('fine')"),
        timeout=3,
    )
    assert bad.error.startswith("cell 2 failed: ValueError: too big")
    assert "timed out" in hanging.error
    assert good.error == ""
    cached = OutputCache(project)
    assert cached.find(notebook("print('fine')")) is not None
    assert cached.find(notebook("while True: pass")) is None


def test_gpu_cells_are_not_run_without_a_gpu(project: Path) -> None:
    one = notebook("raise SystemError", tags=("gpu",))
    one.cells.append(nbformat.v4.new_code_cell("print('next')"))
    (job,) = run(project, one)
    assert job.error == ""
    assert job.notebook.cells[1].outputs[0].text == "next\n"


def test_wrong_number_of_jobs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_JOBS", "0")
    with pytest.raises(ValueError, match="COURSE_JOBS must be at least 1, got 0"):
        run(project, notebook("1"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupting_leaves_no_kernel_and_loses_nothing(project: Path, number: int) -> None:
    script = f"""if True:
        import signal, sys; sys.path[:0] = [r'{ROOT}', r'{ROOT}/tests']
        # A shell's background job inherits SIGINT ignored; make it what it is at a terminal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import test_execution as t; from pathlib import Path
        t.cache._surroundings = lambda: 'test'; t.cache._sst2 = lambda: 'real'
        t.cache.has_gpu = lambda: False
        t.run(Path('.'), t.notebook("print('first')"), t.notebook(
            "import os, time; open('kernel', 'w').write(str(os.getpid())); time.sleep(100)"))
    """
    process = subprocess.Popen([sys.executable, "-c", script], cwd=project)
    deadline = time.monotonic() + 60
    done = OutputCache(project)
    while not ((project / "kernel").exists() and done.find(notebook("print('first')"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(20) != 0
    kernel = Path("/proc") / (project / "kernel").read_text()
    while kernel.exists() and "Z" not in kernel.joinpath("stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the kernel is still running"
        time.sleep(0.1)
    assert done.find(notebook("print('first')")) is not None
    assert done.store(executed(), project / "a.md")  # no lock is left


# One execution for the book and for nbval


def test_nbval_and_the_book_share_their_outputs(tmp_path: Path) -> None:
    display = "from IPython.display import display, HTML\n"
    page = "# Page\n\n" + "\n".join(
        [
            cell("print('a'); print('b')\n" + display + "display(HTML('<b>c</b>')); print('d')"),
            cell("{1: 2}", "hide-input"),
            cell("1 / 0", "gpu"),
            cell("1 / 0", "raises-exception"),
            figure("{'image/svg+xml': {'alt': 'A triangle'}}"),
        ]
    )
    built = MiniBook.create(tmp_path / "built", index=page)
    assert built.build() == 0, built.log
    assert built.executed == 1
    assert cache.NOT_RUN in built.page("index")

    tested = MiniBook.create(tmp_path / "tested", index=page)
    shutil.copyfile(ROOT / "conftest.py", tested.root / "conftest.py")
    assert write_notebooks([], tested.root) == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax"]
    done = subprocess.run(
        [*command, "chapters"],
        cwd=tested.root,
        env=tested.environment(),
        capture_output=True,
        text=True,
    )
    assert "4 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert tested.build() == 0, tested.log
    assert tested.executed == 0
    one, other = (outputs(book.root) for book in (built, tested))
    assert one == other


def outputs(root: Path) -> list[object]:
    (entry,) = root.glob("_build/.jupyter_cache/*/executed/*/base.ipynb")
    cells = nbformat.read(entry, as_version=4).cells
    return [(cell.execution_count, cell.outputs) for cell in cells]
