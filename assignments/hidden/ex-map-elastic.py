"""Hidden tests of the exercise "The proximal step of the elastic net"."""

import torch

from grading.drawing import Draw
from grading.hidden import Case
from grading.plain import difference

MINIMUM = "The minimum, for any z, l1 and l2"
SPECIAL = "Without L2 it is the soft threshold, without L1 a division"
ZEROS = "Exactly 0 where |z| <= l1, and nowhere else"


def call(function, z, l1, l2, zeros=False):
    """The minimum, or where it is zero."""
    import torch

    x = torch.as_tensor(function(z, l1, l2))
    return x == 0 if zeros else x


def cases(generator):
    draw = Draw(generator)

    def case(title, l1, l2, z=None, **inputs):
        sizes = torch.tensor([0.1, 0.5, 0.99, 1.01, 1.2, 2.0, 4.0, 10.0], dtype=torch.float64)
        signs = draw.normal(8).sign()
        z = (l1 or 1.0) * sizes * signs if z is None else z
        return Case(title, {"z": z, "l1": l1, "l2": l2, **inputs})

    yield case(MINIMUM, draw.uniform(0.2, 1.0), draw.uniform(0.5, 3.0))
    yield case(MINIMUM, draw.uniform(1.0, 3.0), draw.uniform(0.1, 0.5))
    single = draw.normal(8).float()
    yield case(MINIMUM, draw.uniform(0.1, 0.3), draw.uniform(0.5, 3.0), z=single)
    yield case(SPECIAL, draw.uniform(0.2, 2.0), 0.0)
    yield case(SPECIAL, 0.0, draw.uniform(0.5, 3.0))
    # Numbers that no rounding changes, as some of the z are at the threshold.
    l1, l2 = draw.integer(4, 16) / 8, 2.0 ** draw.integer(1, 3) - 1
    z = l1 * torch.tensor([-4.0, -1.02, -1.0, -0.98, -0.3, 0.0, 0.3, 0.98, 1.0, 1.02, 4.0]).double()
    yield case(ZEROS, l1, l2, z=z, zeros=True)


def judge(inputs, expected, answer):
    """In single precision, too, as in the public tests."""
    wrong = difference(expected, answer, rtol=1e-5, atol=1e-6)
    return "the zeros are elsewhere" if wrong and inputs.get("zeros") else wrong
