"""Run notebooks in kernels of their own, several at a time."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from book.cache import OutputCache, has_gpu, kernel_environment, tidy

ANSI = re.compile(r"\x1b\[[0-9;]*m")
# The traceback of a deep failure is long; its end says what happened.
ERROR_LINES = 40


@dataclass
class Job:
    """One notebook to execute in place."""

    docname: str
    path: Path
    notebook: NotebookNode
    seconds: float = 0.0
    error: str = ""


def execute(
    jobs: list[Job], cache: OutputCache, timeout: int, report: Callable[[str], object]
) -> None:
    """Execute notebooks in place, COURSE_JOBS at a time, and store the outputs.

    timeout: seconds for a cell. What went wrong with a notebook is in its `error`, and all the
    others are executed all the same.
    """
    workers = int(os.environ.get("COURSE_JOBS", "2"))
    if workers < 1:
        raise ValueError(f"COURSE_JOBS must be at least 1, got {workers}")
    _run_in_thread(_gather(jobs, workers, timeout, cache, report))


async def _gather(
    jobs: list[Job],
    workers: int,
    timeout: int,
    cache: OutputCache,
    report: Callable[[str], object],
) -> None:
    free = asyncio.Semaphore(workers)

    async def run(job: Job) -> None:
        async with free:
            await _execute(job, timeout)
        report(f"  {job.docname}: {'failed' if job.error else 'ok'} after {job.seconds:.1f} s")
        # Stored one by one: what is done stays done when another one fails or Ctrl-C is pressed.
        if not job.error and not cache.store(job.notebook, job.path, job.seconds):
            job.error = "course_utils was edited while the notebook ran; build again"

    await asyncio.gather(*(run(job) for job in jobs))


async def _execute(job: Job, timeout: int) -> None:
    client = NotebookClient(
        job.notebook,
        timeout=timeout,
        record_timing=False,  # it would go to the metadata of cells, which are part of the key
        skip_cells_with_tag="" if has_gpu() else "gpu",
        resources={"metadata": {"path": str(job.path.parent)}},
    )
    start = time.perf_counter()
    try:
        # Not the error stream of cells, which is an output, but what the kernel itself has to say.
        await client.async_execute(env=kernel_environment(), stderr=subprocess.DEVNULL)
        tidy(job.notebook)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        job.error = _explain(job.notebook, error)
    job.seconds = time.perf_counter() - start


def _explain(notebook: NotebookNode, error: Exception) -> str:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [[output.output_type for output in cell.outputs] for cell in code]
    number = next((n for n, kinds in enumerate(outputs, 1) if "error" in kinds), None)
    where = f"cell {number}" if number else "a cell"
    what = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else "stopped"
    lines = ANSI.sub("", str(error)).strip().splitlines()[-ERROR_LINES:]
    return "\n".join([f"{where} failed: {what}", *lines])


def _run_in_thread(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine so that Ctrl-C stops it at once and shuts its kernels down.

    Not in the main thread, where nbclient takes over the handlers of signals: each notebook
    replaces those of the other, and Ctrl-C would stop one kernel and wait for the rest.
    """
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        running.append((asyncio.get_running_loop(), task))
        await coroutine

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, main())
        try:
            future.result()
        except KeyboardInterrupt:
            for loop, task in running:
                loop.call_soon_threadsafe(task.cancel)
            raise
