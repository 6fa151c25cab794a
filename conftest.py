"""pytest's side of the notebooks (nbval): GPU cells are skipped, outputs go to the book's cache.

`pytest --nbval-lax chapters` executes every notebook; `jupyter-book build` after it executes none.
Their kernels have the packages of Colab, and those that the notebook installs.
"""

from __future__ import annotations

import copy
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).parent
# path of a notebook -> number of a code cell -> whether it passed, and its outputs
_cells: dict[Path, dict[int, tuple[bool, list[Any]]]] = defaultdict(dict)
# Opened before the first cell runs: it refuses outputs of a `course_utils` that changed meanwhile.
_cache: list[Any] = []
# path of a notebook -> folder of its kernel, which is removed at the end
_kernels: dict[Path, TemporaryDirectory[str]] = {}


def _is_cell(item: pytest.Item) -> bool:
    return hasattr(item, "cell_num")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip GPU cells where no GPU is, and give kernels the environment they have in the build."""
    cells: list[Any] = [item for item in items if _is_cell(item)]
    if not cells:
        return
    from nbval import plugin

    from book.cache import OutputCache, has_gpu, kernel_environment, merge_streams, needs_gpu

    _cache.append(OutputCache(ROOT).open())
    os.environ.update(kernel_environment())
    # nbval joins all that a cell printed, so that text below a figure moves above it.
    plugin.coalesce_streams = merge_streams
    for item in cells:
        if needs_gpu(item.cell) and not has_gpu():
            item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before the first cell of a notebook: make the kernel that nbval starts for it.

    Before any other test: seed, so that its numbers do not depend on the tests before it.
    """
    if not _is_cell(item):
        from course_utils.seeding import seed_everything

        seed_everything(0)
    elif item.path not in _kernels:
        from book.colab import installs, make_kernel

        _kernels[item.path] = TemporaryDirectory(prefix="kernel")
        folder = Path(_kernels[item.path].name)
        packages = installs(item.parent.nb)
        kernel = make_kernel(folder, packages, links=[ROOT / "course_utils"])
        os.environ["JUPYTER_PATH"] = str(kernel)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Keep the outputs of a notebook once all its cells have passed."""
    report: Any = yield
    if _is_cell(item) and (report.when == "call" or report.skipped):
        done = _cells[item.path]
        done[item.cell_num] = (not report.failed, item.test_outputs or [])
        code = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
        if len(done) == len(code) and all(passed for passed, _ in done.values()):
            _store(item.path, item.parent.nb, [done[number][1] for number in range(len(code))])
    return report


def _store(path: Path, notebook: Any, outputs: list[list[Any]]) -> None:
    from book.cache import tidy

    executed = copy.deepcopy(notebook)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    for cell, of_cell in zip(code, outputs, strict=True):
        cell.outputs = of_cell
    tidy(executed)
    _cache[0].store(executed, path)
