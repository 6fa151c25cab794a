"""Hidden tests of the exercise "Solve dropout exactly"."""

import torch

from grading.drawing import Draw
from grading.hidden import Case
from grading.plain import difference


def call(function, X, y, p, wanted):
    weights, penalties = function(X, y, p)
    return {"weights": weights, "penalties": penalties}[wanted]


def cases(generator):
    draw = Draw(generator)

    def case(title, wanted, n, scales, p):
        # With a mean that is not 0 the sum of squares is not the variance.
        X = (0.5 + draw.normal(n, len(scales))) * torch.tensor(scales)
        return Case(title, {"X": X, "y": draw.normal(n), "p": p, "wanted": wanted})

    title = "The weights that minimise the expected error, for features on any scale"
    yield case(title, "weights", 6, [0.1, 1.0, 10.0], draw.uniform(0.1, 0.4))
    yield case(title, "weights", 8, [1.0, 1000.0, 0.5, 2.0], draw.uniform(0.6, 0.9))
    yield case(title, "weights", 3, [0.5, 1.0, 3.0, 2.0], draw.uniform(0.3, 0.7))
    title = "The ridge penalty of each feature"
    yield case(title, "penalties", 6, [0.1, 1.0, 10.0], draw.uniform(0.1, 0.4))
    yield case(title, "penalties", 6, [2.0, 0.3], draw.uniform(0.6, 0.9))
    title = "Without dropout: least squares, and no penalty"
    yield case(title, "weights", 8, [0.3, 1.0, 3.0], 0.0)
    yield case(title, "penalties", 8, [0.3, 1.0, 3.0], 0.0)


def judge(inputs, expected, answer):
    """Weights may come from any method: they lose digits to the scales."""
    return difference(expected, answer, rtol=1e-4)
