"""Hidden tests of the exercise "Both conventions"."""

import torch

from grading.drawing import Draw
from grading.hidden import Case


def call(function, logits, target, epsilon, convention):
    return float(function(logits, target, epsilon, convention))


def cases(generator):
    draw = Draw(generator)

    def case(title, classes, epsilon, convention, scale=2.0):
        n = draw.integer(5, 20)
        logits = scale * draw.normal(n, classes)
        target = torch.randint(classes, (n,), generator=generator)
        inputs = {"logits": logits, "target": target}
        return Case(title, {**inputs, "epsilon": epsilon, "convention": convention})

    for convention, name in (("torch", "PyTorch's"), ("slide", "The slide's")):
        for classes in (2, draw.integer(3, 12)):
            title = f"{name} convention, for 2 and more classes"
            yield case(title, classes, draw.uniform(0.1, 0.6), convention)
    # Without smoothing, so that a mistake in a convention costs nothing here.
    for convention in ("torch", "slide"):
        yield case("Logits of 10 000 do not overflow", 5, 0.0, convention, scale=1e4)
