"""Hidden tests of the exercise "Forward and backward".

A right answer loses a part by chance less than once in 10^9 submissions. With SIDE = 80 and p from
0.3 to 0.7, a line of the mask is of one kind with probability at most 0.7^80 + 0.3^80 < 5e-13, and
a case has 160 lines; two of its lines are equal with less than 1e-15; the share of zeros is off by
SHARE with at most 2 exp(-2 80^2 SHARE^2) < 1e-10 (Hoeffding). There are two such cases. In the
other parts 1600 numbers would have to be all dropped or all kept: less than 1e-80.
"""

import torch

from grading.drawing import Draw
from grading.hidden import Case
from grading.plain import difference

SIDE = 80
SHARE = 0.0435

VALUES = "Each number becomes 0 or x / (1 - p), whatever p is"
MASK = "Each number is dropped on its own, with probability p"
EDGES = "p = 0 keeps everything, p = 1 nothing, evaluation changes nothing; so says the noise"
GRADIENT = "The gradient has the mask and the scale of the output"


def call(function, x, p, training, dy, seed, wanted):
    import torch

    torch.manual_seed(seed)
    forward, backward = function()
    y, noise = forward(x.clone(), p, training)
    found = {"y": y}
    if wanted == "dropped":
        found = {"dropped": torch.as_tensor(y) == 0}
    elif wanted == "noise":
        found["noise"] = noise * torch.ones_like(x)
    elif wanted == "gradient":
        found["dx"] = backward(dy.clone(), noise)
    return found


def cases(generator):
    draw = Draw(generator)

    def case(title, wanted, p, training=True, side=40):
        inputs = {"x": 1 + draw.normal(side, side).abs(), "p": p, "training": training}
        inputs |= {"dy": draw.normal(side, side) if wanted == "gradient" else None}
        return Case(title, {**inputs, "seed": draw.integer(0, 10**9), "wanted": wanted})

    yield case(VALUES, "values", draw.uniform(0.1, 0.4))
    yield case(VALUES, "values", draw.uniform(0.6, 0.8))
    yield case(MASK, "dropped", draw.uniform(0.3, 0.4), side=SIDE)
    yield case(MASK, "dropped", draw.uniform(0.6, 0.7), side=SIDE)
    yield case(EDGES, "noise", 0.0, side=5)
    yield case(EDGES, "noise", 1.0, side=5)
    yield case(EDGES, "noise", draw.uniform(0.2, 0.8), training=False, side=5)
    yield case(GRADIENT, "gradient", draw.uniform(0.3, 0.45))
    yield case(GRADIENT, "gradient", draw.uniform(0.55, 0.7))
    yield case(GRADIENT, "gradient", draw.uniform(0.3, 0.7), training=False, side=5)


def judge(inputs, expected, answer):
    x, p, answer = inputs["x"], inputs["p"], dict(answer)
    if inputs["wanted"] == "noise":
        return difference(expected, answer)
    if inputs["wanted"] == "dropped":
        return mask(answer["dropped"], p, x.shape)
    y = torch.as_tensor(answer["y"]).double()
    if y.shape != x.shape:
        return f"y has the shape {list(y.shape)} and should have {list(x.shape)}"
    if inputs["training"] and ((y == 0).all() or (y != 0).all()):
        return "all or none of the numbers are 0"
    if inputs["wanted"] == "gradient":
        return difference(inputs["dy"] * y / x, answer["dx"], rtol=1e-5)
    return difference(torch.where(y == 0, 0.0, x / (1 - p)), y, rtol=1e-5)


def mask(dropped, p, shape):
    """What is wrong with where the zeros are."""
    zero = dropped.double()
    if zero.shape != shape:
        return f"y has the shape {list(zero.shape)} and should have {list(shape)}"
    for name, lines in (("rows", zero), ("columns", zero.T)):
        if ((lines.mean(1) == 0) | (lines.mean(1) == 1)).any():
            return f"some {name} are dropped or kept as a whole"
        if len(lines.unique(dim=0)) < len(lines):
            return f"some {name} share a mask"
    share = zero.mean().item()
    return "" if abs(share - p) < SHARE else f"{share:.0%} are dropped at p = {p:.2f}"
