"""What a bug of the zoo is, and the decorator that makes one of a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from course_utils.zoo.on_digits import digits_mlp
from course_utils.zoo.script import Built, Script
from course_utils.zoo.scripts import Make, seeded

Kind = Literal["data", "model", "loss", "optimizer", "loop"]
Plant = Callable[[Script], None]


@dataclass(frozen=True)
class Bug:
    """A mistake: ``plant`` puts it into a script that ``base`` makes; ``text`` says what it is."""

    name: str
    kind: Kind
    text: str
    plant: Plant
    base: Make

    def script(self, seed: int) -> Script:
        """The healthy script of a seed with this bug in it; so has what ``build`` gives."""
        return seeded(partial(_planted, self), seed)

    def healthy(self, seed: int) -> Script:
        """The same script without it."""
        return seeded(self.base, seed)


def bug(kind: Kind, base: Make = digits_mlp) -> Callable[[Plant], Bug]:
    """Make a bug of a function that plants it; its docstring becomes the text."""

    def register(plant: Plant) -> Bug:
        return Bug(plant.__name__, kind, (plant.__doc__ or "").strip(), plant, base)

    return register


def _planted(bug: Bug, seed: int) -> Script:
    script = bug.base(seed)
    bug.plant(script)

    def build() -> Built:
        again = _planted(bug, seed)
        return again.model, again.optimizer

    script.build = build
    return script
