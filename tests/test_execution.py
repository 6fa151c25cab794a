"""Notebooks are executed once, in parallel, and their outputs are kept as they are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from minibook import ROOT, MiniBook, cell, figure
from nbformat import NotebookNode

from book import cache
from book.cache import OutputCache, fingerprint, merge_streams, tidy
from book.kernels import Job, execute
from book.notebooks import main as write_notebooks

new_output = nbformat.v4.new_output


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def executed(text: str = "42\n") -> NotebookNode:
    done = notebook("print(6 * 7)")
    done.cells[0].outputs = [new_output("stream", name="stdout", text=text)]
    return done


@pytest.fixture(autouse=True)
def _no_gpu_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "has_gpu", lambda: False)
    monkeypatch.setattr(cache, "_surroundings", lambda: "test")
    monkeypatch.setattr(cache, "_sst2", lambda: "stand-in")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "course_utils").mkdir()
    (tmp_path / "course_utils" / "a.py").write_text("x = 1\n")
    (tmp_path / "requirements.txt").write_text("torch==2\n")
    return tmp_path


# What outputs depend on


@pytest.mark.parametrize("name", ["course_utils/a.py", "course_utils/new.py", "requirements.txt"])
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
        "import test_execution as t; from pathlib import Path\n"
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
        import sys; sys.path[:0] = [r'{ROOT}', r'{ROOT}/tests']
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
