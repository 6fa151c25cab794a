"""A zoo of bugs: healthy training scripts, and mistakes that people make in them."""

from types import ModuleType

from course_utils.zoo import data_bugs, held_out_bugs, loop_bugs, loss_bugs, model_bugs
from course_utils.zoo.bug import Bug
from course_utils.zoo.examining import alarms, examine
from course_utils.zoo.script import Script, loader, parts, rows
from course_utils.zoo.scripts import HEALTHY

__all__ = [
    "BUGS",
    "HEALTHY",
    "HELD_OUT",
    "Bug",
    "Script",
    "alarms",
    "examine",
    "healthy",
    "loader",
    "parts",
    "planted",
    "rows",
]


def _bugs(*modules: ModuleType) -> dict[str, Bug]:
    every = (bug for module in modules for bug in vars(module).values())
    return {bug.name: bug for bug in every if isinstance(bug, Bug)}


BUGS = _bugs(data_bugs, model_bugs, loss_bugs, loop_bugs)
# No check may be tuned on these: they say how many bugs are found that nobody thought of.
HELD_OUT = _bugs(held_out_bugs)


def healthy(seed: int) -> Script:
    """The script without a bug that most bugs are planted in: digits, 64-32-32-10, Adam."""
    return HEALTHY["digits_mlp"](seed)


def planted(name: str, seed: int) -> Script:
    """The healthy script of a seed with the bug of that name; KeyError if there is none.

    >>> planted("no_zero_grad", seed=0).step.__qualname__
    'no_zero_grad.<locals>.step'
    """
    return (BUGS | HELD_OUT)[name].script(seed)
