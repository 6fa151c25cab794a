"""Hidden tests of the exercise "Calibration error"."""

import torch

from grading.drawing import Draw
from grading.hidden import Case

CLEAR = 1e-4
"""Distance of a confidence from the edges of bins, where rounding must not matter."""


def call(function, p, y, options):
    return float(function(p, y, **options))


def cases(generator):
    draw = Draw(generator)
    title = "The mean gap between accuracy and confidence, weighted with the share of each bin"
    for options in ({}, {"bins": draw.integer(5, 10)}):
        p, y = mixed(draw, options.get("bins", 15))
        yield Case(title, {"p": p, "y": y, "options": options})
    title = "A confidence of b / B belongs to the lower of two bins, and 1 to the last"
    for bins in (4, 8, 16):
        p, y = on_the_edge(draw, bins)
        yield Case(title, {"p": p, "y": y, "options": {"bins": bins}})


def mixed(draw, bins):
    """Gaps of both signs: sure examples are mostly wrong and unsure ones mostly right."""
    z = 2 * draw.normal(120, 4)
    p = z.softmax(1)
    confidence, predicted = p.max(1)
    follows = draw.normal(120) < 1
    follows = torch.where(confidence > confidence.median(), ~follows, follows)
    y = torch.where(follows, predicted, (predicted + 1) % 4)
    apart = (confidence * bins - (confidence * bins).round()).abs() / bins
    return p[apart > CLEAR], y[apart > CLEAR]


def on_the_edge(draw, bins):
    """A wrong example on an edge, a right one in the bin above, a wrong one at 1."""
    edge = draw.integer(1, bins - 2) / bins
    above = edge + draw.uniform(0.3, 0.7) / bins
    classes, rows, y = 2 * bins, [], []
    for confidence, right in ((edge, False), (above, True), (1.0, False)):
        row = torch.full((classes,), (1 - confidence) / (classes - 1), dtype=torch.float64)
        best = draw.integer(0, classes - 1)
        row[best] = confidence
        rows.append(row)
        y.append(best if right else (best + 1) % classes)
    return torch.stack(rows), torch.tensor(y)
