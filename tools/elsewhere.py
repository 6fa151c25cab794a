"""Executes every notebook with other rounding: claims must hold on other machines, too.

Without vector units sums are taken in another order. Where training is chaotic, the last digit
decides which seed diverges; a claim that needs a certain one fails here, not on a reader's machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat

from book.cache import OutputCache
from book.kernels import Job, execute

ROOT = Path(__file__).resolve().parents[1]
OTHER_ROUNDING = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}


def main(chapters: Path = ROOT / "chapters") -> int:
    """Return 1 if a cell of a notebook in `chapters` fails, after what failed was printed."""
    jobs = [
        Job(path.stem, path, nbformat.read(path, as_version=4))
        for path in sorted(chapters.glob("*.ipynb"))
    ]
    os.environ.update(OTHER_ROUNDING)
    with tempfile.TemporaryDirectory() as folder:  # these outputs are not those of the book
        execute(jobs, OutputCache(Path(folder)).open(), 600, print)
    failed = [job for job in jobs if job.error]
    for job in failed:
        print(f"\n{job.path.name}: {job.error}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
