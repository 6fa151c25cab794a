"""Outputs of executed notebooks: what they depend on, where they are kept, how they look."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import NotebookNode

# Everything a notebook imports that a change could reach, besides its own cells.
SOURCES = ("course_utils/**/*.py", "course_utils/*.js", "course_utils/*.css", "requirements.txt")
# Switching between two branches must not execute everything again each time.
KEPT = 3

# One thread: two kernels with two OpenMP threads each on two cores are five times slower than one
# after the other, and the order in which threads add floats is not fixed. SVG files get a date,
# and sets of strings an order, that change with every process unless these are set. Plotly gives
# the figure alone, without a copy of its library in every cell; see `book.plotly`.
FIXED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "0",
    "PLOTLY_RENDERER": "plotly_mimetype",
}

NOT_RUN = "This cell needs a GPU; it was not run here."


@cache
def has_gpu() -> bool:
    """Whether cells tagged `gpu` can run on this machine."""
    if metadata.version("torch").endswith("+cpu"):
        return False  # without importing it, which takes seconds
    from course_utils.device import has_gpu as cuda_is_there

    return cuda_is_there()


@cache
def _surroundings() -> str:
    """What outputs depend on and no file of the project shows."""
    parts = (sys.version, metadata.version("torch"), f"gpu {has_gpu()}", f"sst2 {_sst2()}")
    return "\n".join(parts)


@cache
def _sst2() -> str:
    from course_utils.corpus import sst2_status  # `data` imports torch

    return sst2_status()


def kernel_environment() -> dict[str, str]:
    """Environment variables of every kernel whose outputs are kept."""
    # What the fingerprint says of SST-2 must hold for all of them, whatever the network does next.
    offline = {"COURSE_OFFLINE": "1"} if _sst2() == "stand-in" else {}
    return {**os.environ, **FIXED, **offline}


def fingerprint(root: Path) -> str:
    """Name of the folder that holds the outputs of notebooks under `root` as things are now.

    It changes with `course_utils`, the lock, the versions of Python and PyTorch, and with whether
    a GPU and the real SST-2 are there. (The cells are hashed by jupyter-cache, notebook by
    notebook.)
    """
    digest = hashlib.sha256(_surroundings().encode())
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(b"\0" + path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class OutputCache:
    """The cache that MyST-NB reads, written so that any process may be killed at any time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = fingerprint(root)
        self.folder = root / "_build" / ".jupyter_cache" / self.key
        # The operating system lets go of the lock when its holder dies; none is ever stale.
        self._lock = FileLock(self.folder.parent / ".lock")

    def open(self) -> OutputCache:
        """Create the folder, and remove the oldest ones beyond the few that are kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        with self._lock:
            folders = [path for path in self.folder.parent.iterdir() if path.is_dir()]
            folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for path in folders[KEPT:]:
                shutil.rmtree(path, ignore_errors=True)
        return self

    def find(self, notebook: NotebookNode) -> NotebookNode | None:
        """A copy of the notebook with its outputs, or None if it has to be executed."""
        with self._lock:
            try:
                found = get_cache(self.folder).merge_match_into_notebook(notebook)[1]
            except (KeyError, ValueError):  # not there, or its file was cut off while written
                return None
            except Exception:  # the data base itself: nothing in it can be trusted
                shutil.rmtree(self.folder)
                self.folder.mkdir()
                return None
        return found  # type: ignore[no-any-return]

    def store(self, notebook: NotebookNode, path: Path, seconds: float | None = None) -> bool:
        """Keep the outputs of an executed notebook; False if its sources changed meanwhile."""
        if fingerprint(self.root) != self.key:
            return False
        with self._lock:
            database = get_cache(self.folder)
            # A process killed at the wrong moment leaves a folder that jupyter-cache stumbles on.
            entry = database.create_hashed_notebook(notebook)[1]
            shutil.rmtree(self.folder / "executed" / entry, ignore_errors=True)
            database.cache_notebook_bundle(
                CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds}),
                check_validity=False,
                overwrite=True,
            )
        return True


def has_code(notebook: NotebookNode) -> bool:
    """Whether there is anything to execute."""
    return any(cell.cell_type == "code" for cell in notebook.cells)


def needs_gpu(cell: NotebookNode) -> bool:
    """Whether the cell runs only where CUDA is."""
    return "gpu" in cell.metadata.get("tags", ())


def tidy(notebook: NotebookNode) -> None:
    """Bring outputs to one form, whoever executed the cells (nbclient or nbval).

    Cells that had to be skipped say so on the page.
    """
    count = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if needs_gpu(cell) and not has_gpu():
            cell.execution_count, cell.outputs = None, [_note(NOT_RUN)]
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = merge_streams(_tidy_output(output, count) for output in cell.outputs)


def merge_streams(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Join what one stream wrote in a row; how it was cut into messages depends on the clock.

    Only in a row: a table printed below a figure stays below it.
    """
    merged: list[NotebookNode] = []
    for output in outputs:
        # Only streams have a name.
        if merged and output.get("name") and output.name == merged[-1].get("name"):
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def _tidy_output(output: Any, count: int) -> NotebookNode:
    node: NotebookNode = nbformat.from_dict(dict(output))
    node.pop("transient", None)
    if node.output_type == "execute_result":
        node.execution_count = count
    elif node.output_type == "error":  # nbval runs each cell as if it were the first
        node.traceback = [re.sub(r"In\[\d+\]", f"In[{count}]", line) for line in node.traceback]
    return node


def _note(text: str) -> NotebookNode:
    data = {"text/html": f'<p class="not-run">{text}</p>', "text/plain": text}
    node: NotebookNode = nbformat.v4.new_output("display_data", data=data)
    return node
