"""The first code cell of every chapter; its text is here and nowhere else."""

from __future__ import annotations

import re

CELL = """\
```{{code-cell}} ipython3
:tags: [setup, remove-cell]
# In Colab: install the course's helpers, and nothing else. Elsewhere: nothing to do.
import importlib.util, os, sys
if "google.colab" in sys.modules or importlib.util.find_spec("google") \
and importlib.util.find_spec("google.colab"):
    %pip install -q --no-deps {{os.environ.get("COURSE_PACKAGE", "git+{repository}")}}
```"""
FIRST_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.M | re.S)
TAGS = re.compile(r"^:tags: *\[[^\]]*\bsetup\b", re.M)
REPOSITORY = re.compile(r"git\+(https://[^\"\s]+)")


def setup_cell(repository: str) -> str:
    """The cell, fence and tags included, for a course at the address `repository`."""
    return CELL.format(repository=repository)


def find_setup_cell(chapter: str) -> str:
    """The set-up cell of a chapter as it is; ValueError if its first code cell is another one."""
    first = FIRST_CELL.search(chapter)
    if first is None or not TAGS.search(first[0]):
        raise ValueError("the first code cell is not the set-up cell (tag `setup`)")
    return first[0]
