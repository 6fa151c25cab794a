"""Assign exercises of the book, and grade what students hand in.

python -m grading assignment optimizers
python -m grading grade optimizers submissions.zip --roster gradebook.csv
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from grading import batch, report, roster
from grading.files import one_line, safe
from grading.package import FILE, Package
from grading.sandbox import choose
from grading.submissions import Collection, collect

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "_build" / "assignments"
GRADES = ROOT / "_build" / "grades"
Shard = tuple[int, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 if all is well, 1 if somebody was not graded, 2 for what cannot be done."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (ValueError, RuntimeError, OSError) as error:
        lines = [one_line(line, 2000) for line in str(error).splitlines()]
        print(f"{options.prog}: error:", "\n".join(lines), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _assignment(options: argparse.Namespace) -> int:
    # Grading needs nothing of what builds the book.
    from grading import build

    build.make(options.name, ROOT, options.out)
    return 0


def _grade(options: argparse.Namespace) -> int:
    package = Package.load(package_folder(options.name))
    out = options.out or GRADES / package.name
    shard = shard_of(options.shard, os.environ)
    sandbox = choose("none" if options.no_sandbox else options.sandbox)
    listed = None
    if options.roster:
        listed = roster.read(options.roster, package.title, options.column)
    stopped = False
    with tempfile.TemporaryDirectory(prefix="grading") as folder:
        found = collect(options.submissions, Path(folder))
        only = None if options.student is None else _student(options.student, found)
        try:
            batch.grade(package, found.submissions, out, options.jobs, sandbox, _say, only, shard)
        except KeyboardInterrupt:
            stopped = True
        done = report.write(package, found, out, listed)
    mine = [who for who in done.ungraded if batch.is_mine(who[0], only, shard)]
    for line in done.lines:
        _say(line)
    for student, reason in mine:
        print(f"not graded: {student + ': ' if student else ''}{reason}", file=sys.stderr)
    if stopped:
        print("stopped; the same command goes on where it stopped", file=sys.stderr, flush=True)
        os._exit(130)  # notebooks that still run, after a second interrupt, would hold up an exit
    return int(bool(mine))


def package_folder(name: str) -> Path:
    """Where the package of an assignment is: a folder that holds one, or the folder of its build.

    ValueError names the assignments that are built.
    """
    if Path(name, FILE).is_file():
        return Path(name)
    stem = Path(name).stem if name.endswith((".yml", ".yaml")) else name
    folder = BUILT / stem / "autograder"
    if Path(stem).name != stem or not (folder / FILE).is_file():
        built = sorted(path.parents[1].name for path in BUILT.glob(f"*/autograder/{FILE}"))
        raise ValueError(
            f"there is no built assignment {name!r}; run `make assignment NAME={name}` first "
            f"(built: {', '.join(built) or 'none'})"
        )
    return folder


def shard_of(text: str | None, environment: Mapping[str, str]) -> Shard | None:
    """Which part this process grades: `--shard 2/8`, or what Kubernetes or Slurm say.

    >>> shard_of("2/8", {}), shard_of(None, {"JOB_COMPLETION_INDEX": "0", "SHARDS": "8"})
    ((2, 8), (1, 8))
    """
    if text is None and "JOB_COMPLETION_INDEX" in environment:
        text = f"{int(environment['JOB_COMPLETION_INDEX']) + 1}/{environment.get('SHARDS')}"
    elif text is None and "SLURM_ARRAY_TASK_ID" in environment:
        first = int(environment.get("SLURM_ARRAY_TASK_MIN", "0"))
        index = int(environment["SLURM_ARRAY_TASK_ID"]) - first + 1
        text = f"{index}/{environment.get('SLURM_ARRAY_TASK_COUNT')}"
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard must be I/N with 1 <= I <= N, such as 2/8, got {text}")
    return int(match[1]), int(match[2])


def _student(name: str, found: Collection) -> str:
    students = {submission.student for submission in found.submissions}
    for student in (name, safe(name)):
        if student in students:
            return student
    for problem in found.problems:
        if problem.student in (name, safe(name)):
            raise ValueError(f"student {problem.student} cannot be graded: {problem.text}")
    close = difflib.get_close_matches(name, students) or sorted(students)[:10]
    raise ValueError(f"there is no submission of a student {name!r}; there are: {', '.join(close)}")


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "assignment", help="write the notebooks, the rubric and the autograder of an assignment"
    )
    command.add_argument("name", help="of a file in assignments/, or the path of a YAML file")
    command.add_argument("--out", type=Path, default=BUILT, help="folder (%(default)s)")
    command.set_defaults(command=_assignment, prog=command.prog)
    _add_grade(commands)
    return parser


def _add_grade(commands: Any) -> None:
    command = commands.add_parser(
        "grade",
        help="grade what students handed in",
        description="Grade notebooks, each in a sandbox. Run it again to go on after an "
        "interruption, or to grade what has changed: nothing is graded twice.",
        epilog="Exit status: 0 if all were graded, 1 if somebody was not (standard error says "
        "who), 2 if it could not start, 130 after Ctrl-C.",
    )
    add = command.add_argument
    add("name", help="of an assignment that was built, or the folder of its autograder")
    add("submissions", type=Path, help="folder or zip: ID.ipynb, or a download of Canvas or Moodle")
    add("--roster", type=Path, help="gradebook of Canvas or worksheet of Moodle to fill in (CSV)")
    add("--column", help="column of the gradebook, if its title is not that of the assignment")
    cores = os.cpu_count() or 1
    add(
        "--jobs",
        type=_positive,
        default=cores,
        metavar="N",
        help="notebooks at a time (%(default)s)",
    )
    add("--student", metavar="ID", help="grade this student alone, and again")
    add("--shard", metavar="I/N", help="grade the I-th of N parts; several may run at once")
    add("--sandbox", choices=("bubblewrap", "docker", "container"), help="default: what works")
    add("--no-sandbox-i-trust-every-notebook", action="store_true", dest="no_sandbox")
    add("--out", type=Path, help=f"results folder ({GRADES}/NAME)")
    command.set_defaults(command=_grade, prog=command.prog)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


if __name__ == "__main__":
    sys.exit(main())
