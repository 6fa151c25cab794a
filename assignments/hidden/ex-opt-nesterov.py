"""Hidden tests of the exercise "From PyTorch's point back to the textbook's"."""

from grading.drawing import Draw
from grading.hidden import Case


def call(function, y, buffer, lr, momentum):
    return function(y, buffer, lr, momentum)


def cases(generator):
    draw = Draw(generator)
    # Any y and buffer can be those after a first step, so a formula for all paths holds here.
    for low, high in ((0.01, 0.05), (0.05, 0.2), (0.2, 0.9)):
        y, buffer = draw.normal(2, 4)
        lr, momentum = draw.uniform(low, high), draw.uniform(0.3, 0.95)
        inputs = {"y": y, "buffer": buffer, "lr": lr, "momentum": momentum}
        yield Case("The textbook's points, for three rates and momenta", inputs)
