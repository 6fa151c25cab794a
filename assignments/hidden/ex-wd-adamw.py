"""Hidden tests of the exercise "Four bugs in AdamW"."""

import torch

from grading.drawing import Draw
from grading.hidden import Case


def call(function, w, m, v, t, gradients, options, averages=False):
    """Weights after each step, or the averages after the last one."""
    if "betas" in options:
        options = {**options, "betas": tuple(options["betas"])}
    path = []
    for step, g in enumerate(gradients, start=t):
        function(w, g.clone(), m, v, step, **options)
        path.append(w.clone())
    return {"m": m, "v": v} if averages else path


def cases(generator):
    draw = Draw(generator)

    def some():
        betas = [draw.uniform(0.7, 0.92), draw.uniform(0.93, 0.99)]
        rates = {"lr": draw.uniform(0.02, 0.2), "weight_decay": draw.uniform(0.2, 0.9)}
        return {**rates, "betas": betas}

    def case(title, gradients, options, t=1, **inputs):
        start = {"w": 1 + draw.normal(4).abs(), "m": torch.zeros(4).double()}
        start |= {"v": torch.zeros(4).double(), "gradients": gradients, "t": t}
        return Case(title, {**start, "options": options, **inputs})

    title = "Without a gradient a step leaves 1 - lr * weight_decay of each weight"
    yield case(title, torch.zeros(10, 4).double(), some())
    yield case(title, torch.zeros(1, 4).double(), {"lr": draw.uniform(0.1, 0.5)})

    title = "The averages m and v of the gradient and its square, in place"
    yield case(title, draw.normal(15, 4), some(), averages=True)

    title = "Without weight decay it is Adam, with its bias correction and its eps"
    for eps in (1e-8, draw.uniform(0.1, 0.5)):
        yield case(title, draw.normal(15, 4), {**some(), "weight_decay": 0.0, "eps": eps})

    title = "One step at any t, from given averages: the decay comes before it"
    for low, high in ((2, 10), (10, 1000)):
        t = draw.integer(low, high)
        yield case(title, draw.normal(1, 4), some(), t, m=draw.normal(4), v=draw.normal(4).square())

    title = "Thirty steps as PyTorch makes them, for losses of any scale"
    for scale in (1e-3, 1.0, 1e3):
        yield case(title, scale * draw.normal(30, 4), some())
