"""Executes every notebook a second time and compares all outputs with the first, byte for byte.

The first execution is that of the book (`make book` or `make nbval`). Equal on one machine; between
machines the last digits of floats may differ.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

from book.cache import OutputCache

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Return the exit status of pytest, or 1 if a notebook has not been executed yet."""
    cache = OutputCache(ROOT).open()
    folder = ROOT / "_build" / "reproduce"
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted((ROOT / "chapters").glob("*.ipynb")):
        executed = cache.find(nbformat.read(source, as_version=4))
        if executed is None:
            print(f"{source.name} has no outputs to compare with: run `make book` first")
            return 1
        nbformat.write(executed, folder / source.name)
    command = ["pytest", "-n", "2", "-q", "--nbval", str(folder)]
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
