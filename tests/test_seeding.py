import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from course_utils.device import device, has_gpu
from course_utils.seeding import seed_everything


def draw(seed: int) -> tuple[float, float, float, float]:
    generator = seed_everything(seed)
    return (
        random.random(),
        np.random.rand(),
        torch.rand(()).item(),
        torch.rand((), generator=generator).item(),
    )


def test_the_same_seed_gives_the_same_draws_from_every_source() -> None:
    assert draw(7) == draw(7)
    assert all(a != b for a, b in zip(draw(7), draw(8), strict=True))


def test_one_thread() -> None:
    code = "import torch; from course_utils.seeding import seed_everything as s; s(0)"
    code += "; print(torch.get_num_threads())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_bad_seed_is_named(seed: int) -> None:
    with pytest.raises(ValueError, match="seed must be between"):
        seed_everything(seed)


def test_device_agrees_with_torch() -> None:
    assert has_gpu() == torch.cuda.is_available()
    assert device().type == ("cuda" if has_gpu() else "cpu")
