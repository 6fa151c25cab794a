"""How many submissions a minute the grader marks, against `otter run` of otter-grader 7.0.0.

Both get the same right submissions of the assignment `optimizers`, in turns, so that what else the
machine does counts for both. otter runs each notebook in a Jupyter kernel without a sandbox; its
autograder has the public tests of the page and the hidden tests with the same solutions as tests of
its own, in its format with exceptions; ours needs no public tests for a mark and runs none. otter
is called once for each submission, as it has no batch without Docker. Ours is one command for all,
each in bubblewrap, with feedback pages and CSV.
otter is installed into an environment of its own in `_build/otter`, which sees our PyTorch;
that is not timed. Then ours again with 2 and 4 jobs.
Exits with 1 if ours with one job grades less than twice as many submissions a minute.
Run: python benchmarks/grading.py [rounds]; three rounds take about four minutes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from itertools import chain
from pathlib import Path
from statistics import median

# Before the folder of this file, which has the name of the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from grading.assignments import load, without_checks
from grading.marking import draw
from grading.package import Package, Question

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "_build" / "otter"
OTTER = "otter-grader[grading]==7.0.0"
ENOUGH, SUBMISSIONS = 2.0, 6
JOBS = (1, 2, 4)

TEST = """
OK_FORMAT = False
import copy
from otter.test_files import test_case
from grading.hidden import load
name = {label!r}
points = {points}
{context}
{public}
{solution}
right = {function}
hidden = load(name, {hidden!r})
cases = list(hidden.cases(torch.Generator().manual_seed(0)))

def part(title, function):
    for case in cases:
        if case.title == title:
            expected = hidden.call(right, **copy.deepcopy(case.inputs))
            answer = hidden.call(function, **copy.deepcopy(case.inputs))
            wrong = hidden.judge(case.inputs, expected, answer)
            assert not wrong, wrong
"""
PART = """
@test_case(hidden=True)
def test_part_{number}({function}):
    part({title!r}, {function})
"""


def install() -> None:
    """Make the virtual environment of otter, once."""
    if (VENV / "installed").exists():
        return
    print(f"installing {OTTER} into {VENV}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", OTTER]
    subprocess.run(pip, check=True)
    packages = next(VENV.glob("lib/python*/site-packages"))
    # After its own packages: PyTorch and what the course needs.
    (packages / "course.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    (VENV / "installed").touch()


def otter_test(package: Package, question: Question) -> str:
    """Public and hidden tests of a question in otter's format with exceptions."""
    public = re.sub(
        r"^def test_", "@test_case()\ndef test_", without_checks(question.tests), flags=re.M
    )
    fields = {"context": package.context, "public": public, **vars(question)}
    titles = dict.fromkeys(case.title for q, _, case in draw(package, 0) if q is question)
    parts = (
        PART.format(number=number, function=question.function, title=title)
        for number, title in enumerate(titles)
    )
    return TEST.format(**fields) + "".join(parts)


def autograder(package: Package, folder: Path) -> Path:
    """The zip that `otter run` grades with."""
    path = folder / "autograder.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"zips": False}))
        for question in package.questions:
            archive.writestr(f"tests/{question.label}.py", otter_test(package, question))
    return path


def notebook(package: Package) -> str:
    """A right submission; otter leaves out cells with its tag, as ours leaves out public tests."""
    pairs = [[(q.solution, []), (q.tests, ["otter_ignore"])] for q in package.questions]
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": tags},
            "outputs": [],
            "execution_count": None,
        }
        for source, tags in [(package.context, []), *chain.from_iterable(pairs)]
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4})


def run_otter(folder: Path, path: Path) -> float:
    """Seconds for one submission; RuntimeError if it does not get full marks."""
    start = time.perf_counter()
    command = [VENV / "bin" / "otter", "run", path, "-a", folder / "autograder.zip", "--no-logo"]
    done = subprocess.run([*command, "-o", folder], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    results = json.loads((folder / "results.json").read_text()) if done.returncode == 0 else {}
    scores = [test.get("score", 0) for test in results.get("tests", [])]
    if sum(scores) != 100:
        raise RuntimeError(f"otter gave {scores}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return seconds


def run_ours(folder: Path, jobs: int) -> float:
    """Seconds for all submissions; RuntimeError if one does not get full marks."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "grading", "grade", folder, folder / "in", "--out", out]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "--jobs", str(jobs)], cwd=ROOT, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
    if done.returncode or done.stdout.count("100 of 100 points") != SUBMISSIONS:
        raise RuntimeError(f"ours says: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return seconds


def main(rounds: int) -> int:
    os.environ["OMP_NUM_THREADS"] = "1"
    install()
    package = load("optimizers", ROOT).package()
    otter: list[float] = []
    ours: dict[int, list[float]] = {jobs: [] for jobs in JOBS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        package.save(folder)
        autograder(package, folder)
        (folder / "in").mkdir()
        paths = [folder / "in" / f"s{number}.ipynb" for number in range(SUBMISSIONS)]
        for path in paths:
            path.write_text(notebook(package))
        for number in range(1, rounds + 1):
            otter.append(sum(run_otter(folder, path) for path in paths))
            for jobs in JOBS:
                ours[jobs].append(run_ours(folder, jobs))
            times = ", ".join(f"{seconds[-1]:.1f}" for seconds in ours.values())
            print(f"round {number}: otter {otter[-1]:.1f} s, ours {times} s", flush=True)
    return report(otter, ours)


def report(otter: list[float], ours: dict[int, list[float]]) -> int:
    """Print a table; 1 if the ratio is too small."""
    print(f"{'':18} submissions a minute   ratio to otter")
    print(f"{'otter run':18} {median(60 * SUBMISSIONS / s for s in otter):20.1f} {1:16.2f}")
    ratios = {}
    for jobs, seconds in ours.items():
        ratios[jobs] = median(a / b for a, b in zip(otter, seconds, strict=True))
        rate = median(60 * SUBMISSIONS / s for s in seconds)
        print(f"{f'ours, jobs = {jobs}':18} {rate:20.1f} {ratios[jobs]:16.2f}")
    if ratios[1] < ENOUGH:
        print(f"too slow: ours with one job must be {ENOUGH} times as fast as otter")
    return int(ratios[1] < ENOUGH)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
