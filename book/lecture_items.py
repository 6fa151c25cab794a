"""What the five lectures have, item by item, and where the book has it."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LECTURES = {
    "S0": "Regularization of neural networks, part 2",
    "S1": "Improvements of SGD",
    "S2": "Tuning a neural network",
    "S3": "Regularization of neural networks",
    "S4": "Neural networks as a construction kit, part 2",
}
SOURCE = Path(__file__).with_name("lectures.csv")


@dataclass(frozen=True)
class Item:
    """A formula, figure, claim, ... of a lecture: what it is and what it says."""

    item: str
    kind: str
    content: str

    @property
    def lecture(self) -> str:
        """The lecture that has it: a key of LECTURES."""
        return self.item.split(".")[0]


@cache
def lecture_items() -> dict[str, Item]:
    """All items by their name, in the order of the lectures."""
    with SOURCE.open(encoding="utf8", newline="") as file:
        return {row["item"]: Item(**row) for row in csv.DictReader(file)}


def parse_items(argument: str) -> list[str]:
    """Names such as "S0.19 S1.3"; ValueError if there is none, or one that no lecture has."""
    names = re.split(r"[\s,]+", argument.strip())
    for name in names:
        if name not in lecture_items():
            raise ValueError(f"no lecture has the item {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"an item is given twice: {argument}")
    return names
