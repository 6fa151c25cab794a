"""A zoo of bugs: healthy training scripts, and mistakes that people make in them."""

from course_utils.zoo import data_bugs, loop_bugs, loss_bugs, model_bugs
from course_utils.zoo.bug import Bug
from course_utils.zoo.examine import alarms, examine
from course_utils.zoo.healthy import HEALTHY
from course_utils.zoo.script import Script, loader, parts, rows

__all__ = [
    "BUGS",
    "HEALTHY",
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

BUGS: dict[str, Bug] = {
    bug.name: bug
    for module in (data_bugs, model_bugs, loss_bugs, loop_bugs)
    for bug in vars(module).values()
    if isinstance(bug, Bug)
}


def healthy(seed: int) -> Script:
    """The script without a bug that most bugs are planted in: digits, 64-32-32-10, Adam."""
    return HEALTHY["digits_mlp"](seed)


def planted(name: str, seed: int) -> Script:
    """The healthy script of a seed with the bug of that name; KeyError if there is none.

    >>> planted("no_zero_grad", seed=0).step.__qualname__
    'no_zero_grad.<locals>.step'
    """
    return BUGS[name].script(seed)
