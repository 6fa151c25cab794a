"""Hidden tests of the exercise "Reddi's problem"."""

from grading.drawing import Draw
from grading.hidden import Case


def call(function, amsgrad, steps):
    """The last x; an array of one number will do."""
    x = function(amsgrad, steps)
    return x.item() if hasattr(x, "item") else float(x)


def cases(generator):
    draw = Draw(generator)
    for amsgrad, name, side in ((False, "Adam", "wrong"), (True, "AMSGrad", "right")):
        for steps in (1, draw.integer(2, 12), draw.integer(102, 112), draw.integer(203, 350)):
            yield Case(f"{name}: the first 350 steps", {"amsgrad": amsgrad, "steps": steps})
        # Soon after the large gradient, where x is not at the edge.
        late = 101 * draw.integer(190, 198) + draw.integer(2, 8)
        title = f"{name} after some 20 000 steps, on the {side} side"
        yield Case(title, {"amsgrad": amsgrad, "steps": late})
