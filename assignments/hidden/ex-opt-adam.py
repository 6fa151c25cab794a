"""Hidden tests of the exercise "Find the bugs: Adam as printed"."""

from grading.drawing import Draw
from grading.hidden import Case


def call(function, gradients, options, ends=False):
    """The path, or only its start and its length."""
    path = [float(x) for x in function(gradients, **options)]
    kept = {"start": path[0], "length": len(path), "it moves": len({*path}) == len(path)}
    return kept if ends else path


def cases(generator):
    draw = Draw(generator)

    def case(title, gradients, options=None, **inputs):
        return Case(title, {"gradients": gradients, "options": options or {}, **inputs})

    title = "The path starts at 0 and has a position after each gradient"
    yield case(title, draw.normal(draw.integer(2, 10)).tolist(), ends=True)

    title = "The first step is the learning rate, for gradients of any scale"
    for scale in (1e-3, 1.0, 1e3):
        sign = 1 if draw.uniform(0, 1) < 0.5 else -1
        yield case(title, [sign * scale * draw.uniform(0.5, 1)], {"lr": draw.uniform(0.01, 0.2)})

    title = "Under a constant gradient every step is the learning rate"
    yield case(title, [draw.uniform(0.5, 5)] * 40)

    title = "It agrees with torch.optim.Adam, also with other rates, averages and a large eps"
    yield case(title, draw.normal(40).tolist())
    betas = {"beta1": draw.uniform(0.7, 0.95), "beta2": draw.uniform(0.9, 0.99)}
    yield case(title, draw.normal(40).tolist(), {"lr": draw.uniform(0.01, 0.5), **betas})
    yield case(title, draw.normal(40).tolist(), {"eps": draw.uniform(0.2, 0.8)})
