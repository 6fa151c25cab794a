"""Hidden tests of the exercise "SGD with everything"."""

from grading.drawing import Draw
from grading.hidden import Case

STEPS = 20


def call(function, x, gradients, buffer, rates, options, arguments=False):
    """Weights after each step and the last buffer, or what became of the arguments of a step."""
    import torch

    path = []
    for g, lr in zip(gradients, rates, strict=True):
        x, g = torch.as_tensor(x).clone(), g.clone()
        before, given = x.clone(), [x, g, buffer]
        x, buffer = function(x, g, buffer, lr, **options)
        path.append(torch.as_tensor(x).clone())
    if arguments:
        return {"arguments": given, "a step was made": not torch.equal(before, path[-1])}
    return {"weights": path, "buffer": buffer}


def cases(generator):
    draw = Draw(generator)

    def walk(title, **options):
        size = draw.integer(2, 6)
        early, late = draw.uniform(0.05, 0.2), draw.uniform(0.01, 0.04)
        rates = [early] * (STEPS // 2) + [late] * (STEPS // 2)
        inputs = {"x": draw.normal(size), "gradients": draw.normal(STEPS, size), "buffer": None}
        return Case(title, {**inputs, "rates": rates, "options": options})

    def step(**options):
        inputs = {"x": draw.normal(3), "gradients": draw.normal(1, 3), "buffer": draw.normal(3)}
        if "momentum" not in options:
            inputs["buffer"] = None
        rates = [draw.uniform(0.01, 0.2)]
        title = "The arguments are left as they were"
        return Case(title, {**inputs, "rates": rates, "options": options, "arguments": True})

    plain = "Plain SGD, with and without weight decay; the buffer stays None"
    yield walk(plain)
    yield walk(plain, weight_decay=draw.uniform(0.05, 0.5))
    momentum = "Momentum, also when the rate changes and with weight decay"
    yield walk(momentum, momentum=draw.uniform(0.5, 0.95))
    yield walk(momentum, momentum=draw.uniform(0.5, 0.95), weight_decay=draw.uniform(0.1, 0.5))
    dampening = "Dampening: the first buffer is the whole gradient"
    yield walk(dampening, momentum=draw.uniform(0.5, 0.95), dampening=draw.uniform(0.2, 0.8))
    nesterov = "Nesterov"
    yield walk(nesterov, momentum=draw.uniform(0.5, 0.95), nesterov=True)
    yield step(weight_decay=draw.uniform(0.1, 0.5))
    yield step(momentum=draw.uniform(0.5, 0.95), weight_decay=draw.uniform(0.1, 0.5))
    yield step(momentum=draw.uniform(0.5, 0.95), nesterov=True)
