"""Grade many submissions at once, each behind its own wall; what is done is never done again."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from grading import marking, session
from grading.files import one_line
from grading.package import Package
from grading.records import Call, Transcript
from grading.results import Result, Results
from grading.sandbox import Sandbox
from grading.submissions import Submission

Run = Callable[[Path, Package, Sequence[Call], Sandbox], Transcript]
# Cases and solutions draw from PyTorch's one generator, so marks are made one at a time. It is the
# notebooks that take long, and those run side by side.
_marking = threading.Lock()


def grade(
    package: Package,
    submissions: Sequence[Submission],
    out: Path,
    jobs: int,
    sandbox: Sandbox,
    progress: Callable[[str], None],
    only: str | None = None,
    shard: tuple[int, int] | None = None,
    run: Run | None = None,
) -> list[Result]:
    """Grade what has no verdict yet, `jobs` notebooks at a time.

    Args:
        out: results folder; verdicts in it are kept where the file and the package are the same.
        progress: called with a line for each submission.
        only: grade this student alone, and again.
        shard: `(i, n)`, from 1: this process grades the i-th of n parts.
        run: instead of `session.run`.

    Raises:
        KeyboardInterrupt: after the notebooks that were running are done; a second one at once.
    """
    results = Results(out)
    mine = [s for s in submissions if is_mine(s.student, only, shard)]
    known = [] if only else [find(package, submission, results) for submission in mine]
    done = [result for result in known if result and result.verdict]
    names = {result.student for result in done}
    left = [submission for submission in mine if submission.student not in names]
    if done:
        progress(f"{len(done)} of {len(mine)} were graded before")
    task = _Task(package, results, sandbox, run or session.run)
    return done + _grade_all(task, left, jobs, progress)


def find(package: Package, submission: Submission, results: Results) -> Result | None:
    """What an earlier run made of this very file, None if it never met it."""
    found = results.find(submission.student, package.digest, _digest(submission.path))
    return replace(found, note=submission.note) if found else None


def is_mine(student: str, only: str | None, shard: tuple[int, int] | None) -> bool:
    """Whether a process with these arguments of `grade` grades a student."""
    if only is not None:
        return student == only
    if shard is None:
        return True
    index, count = shard
    return int(hashlib.sha256(student.encode()).hexdigest(), 16) % count == index - 1


class _Task:
    """Grades one submission, whatever happens."""

    def __init__(self, package: Package, results: Results, sandbox: Sandbox, run: Run) -> None:
        self._package, self._results = package, results
        self._sandbox, self._run = sandbox, run

    def __call__(self, submission: Submission) -> Result:
        digest = _digest(submission.path)
        try:
            result = self._mark(submission, digest)
            self._results.save(result, self._package.digest, digest)
        except Exception as error:  # one submission never loses the others
            reason = one_line(f"{type(error).__name__}: {error}")
            result = Result(submission.student, None, reason, submission.note)
            with suppress(OSError):
                self._results.save(result, self._package.digest, digest)
        return result

    def _mark(self, submission: Submission, digest: str) -> Result:
        def run(calls: Sequence[Call]) -> Transcript:
            _marking.release()
            try:
                return self._run(submission.path, self._package, calls, self._sandbox)
            finally:
                _marking.acquire()

        student = submission.student
        with _marking:
            seed = self._results.seed(student)
            verdict = marking.mark(self._package, seed, run, student, digest)
        return Result(student, verdict, "", submission.note)


def _grade_all(
    task: _Task, submissions: Sequence[Submission], jobs: int, progress: Callable[[str], None]
) -> list[Result]:
    begin = time.monotonic()
    results: list[Result] = []
    pool = ThreadPoolExecutor(jobs)
    waiting: set[Future[Result]] = set()
    try:
        waiting = {pool.submit(task, submission) for submission in submissions}
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                results.append(future.result())
                spent = time.monotonic() - begin
                progress(_line(results[-1], len(results), len(submissions), spent))
    except KeyboardInterrupt:
        _stop(pool, waiting, progress)
        raise
    pool.shutdown()
    return results


def _stop(
    pool: ThreadPoolExecutor, waiting: set[Future[Result]], progress: Callable[[str], None]
) -> None:
    """Let running notebooks end, so that none is cut short; a second interrupt ends everything."""
    running = sum(not future.cancel() for future in waiting)
    progress(f"stopping after the {running} notebooks that are running; Ctrl-C again: at once")
    try:
        pool.shutdown()
    except KeyboardInterrupt:
        os._exit(130)


def _line(result: Result, done: int, all_: int, seconds: float) -> str:
    verdict = result.verdict
    text = f"not graded: {result.problem}"
    if verdict:
        text = f"{verdict.points:g} of {verdict.maximum:g} points, {verdict.seconds:.1f} s"
        kinds = sorted({note.kind for note in verdict.notes})
        text += f", see: {', '.join(kinds)}" if kinds else ""
    if done < all_:
        text += f"; about {_duration(seconds / done * (all_ - done))} left"
    return f"[{done}/{all_}] {result.student}: {text}"


def _duration(seconds: float) -> str:
    """How long, as people say it.

    >>> _duration(40), _duration(1000), _duration(9000)
    ('40 s', '17 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
