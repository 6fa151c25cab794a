"""Shifts, flips and noise: against slices and torch.flip, by frequency, and mask with image."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.augment import Augment, gaussian_noise, random_flip, random_shift, translate
from course_utils.ensemble import train


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int, height: int = 4, width: int = 5) -> Tensor:
    """Images of which no two pixels are alike."""
    return torch.arange(1.0, n * height * width + 1).view(n, height, width)


def one_pixel(n: int, size: int = 9) -> Tensor:
    """Images that are black but for a white pixel in the middle."""
    images = torch.zeros(n, size, size)
    images[:, size // 2, size // 2] = 1
    return images


def place(images: Tensor) -> Tensor:
    """Row and column [N, 2] of the brightest pixel of images [N, H, W]."""
    where = images.flatten(1).argmax(1)
    return torch.stack([where // images.shape[-1], where % images.shape[-1]], dim=1)


@pytest.mark.parametrize("down", [-5, -2, 0, 1, 3])
@pytest.mark.parametrize("right", [-1, 0, 2, 6])
def test_translate_is_a_slice_of_the_padded_image(down: int, right: int) -> None:
    images, pad = numbered(3), 6
    padded = F.pad(images, (pad,) * 4)
    expected = padded[:, pad - down : pad - down + 4, pad - right : pad - right + 5]
    actual = translate(images, torch.tensor([down] * 3), torch.tensor([right] * 3))
    assert torch.equal(actual, expected)


def test_each_image_is_moved_by_its_own_numbers() -> None:
    images = numbered(3).view(3, 1, 4, 5).expand(3, 2, 4, 5)
    down, right = torch.tensor([1, 0, -2]), torch.tensor([0, -3, 1])
    together = translate(images, down, right)
    for i in range(3):
        alone = translate(images[i : i + 1], down[i : i + 1], right[i : i + 1])
        assert torch.equal(together[i : i + 1], alone)


def test_shifts_are_uniform_and_independent() -> None:
    n, k = 40_000, 2
    moved = place(random_shift(one_pixel(n), pixels=k, generator=seeded())) - 4
    values = 2 * k + 1
    counts = ((moved[:, 0] + k) * values + moved[:, 1] + k).bincount(minlength=values**2)
    assert len(counts) == values**2
    expected = n / values**2
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 52  # 24 degrees of freedom: beyond this in one of 1000 draws
    assert abs(float(moved.double().mean())) < 4 * 2**0.5 / (2 * n) ** 0.5


@pytest.mark.parametrize(("dim", "p"), [(-1, 0.5), (-2, 0.5), (-1, 0.2)])
def test_flips_have_their_probability_and_are_torch_flips(dim: int, p: float) -> None:
    n = 20_000
    images = numbered(n)
    flipped = random_flip(images, p=p, dim=dim, generator=seeded())
    mirrored = (flipped == images.flip(dim)).all(-1).all(-1)
    same = (flipped == images).all(-1).all(-1)
    assert (mirrored ^ same).all()
    share = float(mirrored.double().mean())
    assert abs(share - p) < 4 * (p * (1 - p) / n) ** 0.5
    neighbours = (mirrored[1:] & mirrored[:-1]).double().mean()  # draws of images do not depend
    assert abs(float(neighbours) - p * p) < 0.02


def test_noise_has_its_moments_and_is_independent_for_each_pixel() -> None:
    images = torch.full((20_000, 2, 3), 0.5, dtype=torch.float64)
    noise = gaussian_noise(images, 0.3, seeded()) - images
    flat = noise.flatten(1)
    assert flat.dtype == torch.float64
    assert flat.mean(0).abs().max() < 5 * 0.3 / 20_000**0.5
    covariance = flat.T @ flat / len(flat)
    torch.testing.assert_close(
        covariance, 0.09 * torch.eye(6, dtype=torch.float64), atol=0.005, rtol=0
    )


DRAWS: list[Any] = [
    partial(random_shift, pixels=2),
    random_flip,
    partial(random_flip, dim=-2),
    gaussian_noise,
]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_generator_decides_alone(draw: Any) -> None:
    images, before = numbered(50), numbered(50)
    state = torch.random.get_rng_state()
    first, again, other = (draw(images, generator=seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(images, before)  # the caller's images are left alone
    assert first.shape == images.shape
    torch.manual_seed(3)
    from_global = draw(images)
    assert not torch.equal(from_global, draw(images))
    torch.manual_seed(3)
    assert torch.equal(from_global, draw(images))


@pytest.mark.parametrize("draw", DRAWS[:3])
def test_a_mask_follows_its_image(draw: Any) -> None:
    images = torch.rand(200, 3, 6, 6, generator=seeded())
    rows = torch.randint(36, (200,), generator=seeded())
    images[torch.arange(200), 1, rows // 6, rows % 6] = 2.0
    mask = (images[:, 1] == 2.0).long()
    distance = images[:, 1].double()
    moved, moved_mask, moved_distance = draw(images, mask, distance, generator=seeded())
    assert moved_mask.dtype == torch.long
    assert torch.equal(moved_mask, (moved[:, 1] == 2.0).long())
    assert torch.equal(moved_distance, moved[:, 1].double())
    alone = draw(images, generator=seeded())
    assert torch.equal(alone, moved)  # a mask changes no draw


def test_booleans_can_be_moved() -> None:
    mask = one_pixel(4) > 0
    _, moved = random_shift(one_pixel(4), mask, generator=seeded())
    assert moved.dtype == torch.bool
    assert moved.sum() == 4


@pytest.mark.parametrize(
    "unchanged",
    [
        partial(random_shift, pixels=0),
        partial(random_flip, p=0.0),
        partial(gaussian_noise, std=0.0),
        Augment(4, 5).train().forward,
    ],
)
def test_strength_zero_changes_nothing(unchanged: Any) -> None:
    images = numbered(20)
    x = images.flatten(1) if isinstance(getattr(unchanged, "__self__", None), Augment) else images
    assert torch.equal(unchanged(x), x)


def test_probability_one_flips_all() -> None:
    images = numbered(20)
    assert torch.equal(random_flip(images, p=1.0), images.flip(-1))


@pytest.mark.parametrize(
    ("strength", "alone"),
    [
        ({"pixels": 2}, partial(random_shift, pixels=2)),
        ({"horizontal": 1.0}, lambda x: x.flip(-1)),
        ({"vertical": 1.0}, lambda x: x.flip(-2)),
        ({"std": 0.3}, partial(gaussian_noise, std=0.3)),
    ],
)
def test_the_module_does_what_the_functions_do(strength: Any, alone: Any) -> None:
    images = one_pixel(5000).roll((1, 3), dims=(-1, -2))
    module = Augment(9, 9, **strength)
    assert torch.equal(module.eval()(images.flatten(1)), images.flatten(1))
    torch.manual_seed(0)
    mine = module.train()(images.flatten(1))
    assert mine.shape == (5000, 81)
    theirs = alone(images).flatten(1)
    moments = (lambda x: x.mean(0), lambda x: x.std(0))
    for moment in moments:  # the draws differ, their distribution does not
        torch.testing.assert_close(moment(mine), moment(theirs), atol=0.04, rtol=0)


@pytest.mark.parametrize("pixels", [1, 2, 3, 4])
@pytest.mark.parametrize(("u", "sign"), [(1 - 2.0**-24, 1), (0.0, -1)])
def test_the_extreme_draws_are_the_extreme_moves(
    monkeypatch: pytest.MonkeyPatch, pixels: int, u: float, sign: int
) -> None:
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, u))  # float32
    moved = place(random_shift(one_pixel(1), pixels=pixels))
    assert (moved == 4 + sign * pixels).all()


def test_the_module_draws_nothing_when_it_is_made() -> None:
    state = torch.random.get_rng_state()
    Augment(9, 9, pixels=1, horizontal=0.5, vertical=0.5, std=0.1)
    assert torch.equal(state, torch.random.get_rng_state())


class Biased(nn.Module):
    """Adds a number: something to train behind the module."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


def test_members_of_an_ensemble_have_their_own_strengths_and_draws() -> None:
    models = [nn.Sequential(Augment(9, 9, pixels=k), Biased()) for k in (0, 3, 3)]
    places = torch.arange(81.0)
    history = train(
        models,
        (one_pixel(64).flatten(1), torch.zeros(64)),
        seeds=[0],
        optimizer=partial(torch.optim.SGD, lr=0.0),
        loss=lambda x, _: (x * places).sum(1).mean(),  # the mean place of the white pixel
        steps=3,
        batch_size=64,
    )
    still, one, other = history.batch_loss[:, :, 0].T
    assert (still == 40).all()
    assert not torch.equal(one, other)  # own draws
    assert len(one.unique()) == 3  # new in each step
    assert ((one - 40).abs() < 3 * 10).all()


IMAGES = torch.zeros(4, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random_shift(IMAGES, pixels=-1), ValueError, "pixels must be a whole .* got -1"),
        (lambda: random_shift(IMAGES, pixels=0.5), ValueError, "pixels must be a whole number"),
        (lambda: random_shift(IMAGES, pixels=float("inf")), ValueError, "a whole .* got inf"),
        (lambda: random_shift(IMAGES[0]), ValueError, r"images must be \[N, ..., H, W\], got \[3"),
        (lambda: random_shift(IMAGES, IMAGES[:2]), ValueError, r"masks must be \[4, ..., 3, 3\]"),
        (lambda: random_flip(IMAGES, IMAGES[..., :2]), ValueError, "masks must be"),
        (lambda: random_flip(IMAGES, IMAGES[0]), ValueError, "masks must be"),
        (lambda: random_flip(IMAGES, p=1.5), ValueError, r"p must lie in \[0, 1\], got 1.5"),
        (lambda: random_flip(IMAGES, dim=0), ValueError, "dim must be -1 .* got 0"),
        (lambda: gaussian_noise(IMAGES, -0.1), ValueError, "std must be non-negative .* got -0.1"),
        (lambda: gaussian_noise(IMAGES, float("nan")), ValueError, "std must be"),
        (
            lambda: gaussian_noise(IMAGES.long()),
            TypeError,
            "images must be floating point, got torch.int64",
        ),
        (lambda: translate(IMAGES, torch.zeros(3), torch.zeros(4)), ValueError, r"down must be \["),
        (lambda: translate(IMAGES, torch.zeros(4), torch.zeros(1)), ValueError, "right must be"),
        (lambda: Augment(8, 8, pixels=-1), ValueError, "pixels"),
        (lambda: Augment(8, 8, horizontal=2), ValueError, "p must lie"),
        (lambda: Augment(8, 8, vertical=-1), ValueError, "p must lie"),
        (lambda: Augment(8, 8, std=-1), ValueError, "std"),
    ],
)
def test_bad_arguments(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
