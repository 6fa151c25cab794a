"""Random shifts, flips and noise: each image has its own draw, a mask has that of its image."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

import torch
from torch import Tensor, nn

# A Tensor holds one number: `Augment` keeps strengths in buffers, which `ensemble.train` stacks.
Number = float | Tensor
MaybeGenerator = torch.Generator | None


def translate(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images [N, ..., H, W], each moved by its own whole number of pixels; zeros come in.

    down, right: long [N]; negative numbers move up and left. What leaves the frame is lost.
    Raises ValueError for shapes that do not fit.

    >>> translate(torch.tensor([[[1, 2], [3, 4]]]), torch.tensor([0]), torch.tensor([1]))
    tensor([[[0, 1],
             [0, 3]]])
    """
    _check_images(images)
    for name, by in (("down", down), ("right", right)):
        if by.shape != images.shape[:1]:
            raise ValueError(f"{name} must be [{len(images)}], got {list(by.shape)}")
    for dim, by in ((-2, down), (-1, right)):
        size = images.shape[dim]
        source = torch.arange(size, device=images.device) - by.unsqueeze(1)  # [N, size]
        outside = (source < 0) | (source >= size)
        moved = images.gather(dim, _along(source.clamp(0, size - 1), images, dim))
        images = moved.masked_fill(_along(outside, images, dim), 0)
    return images


@overload
def random_shift(
    images: Tensor, *, pixels: Number = ..., generator: MaybeGenerator = ...
) -> Tensor: ...


@overload
def random_shift(
    images: Tensor, *masks: Tensor, pixels: Number = ..., generator: MaybeGenerator = ...
) -> tuple[Tensor, ...]: ...


def random_shift(
    images: Tensor, *masks: Tensor, pixels: Number = 1, generator: MaybeGenerator = None
) -> Tensor | tuple[Tensor, ...]:
    """Move each image by whole numbers drawn from -pixels ... pixels, down and to the right.

    images [N, ..., H, W]; masks [N, ..., H, W] move with their image. Returns a tensor, or a tuple
    when there are masks. generator: where the draws come from; by default the global one.
    Raises ValueError for a negative or broken number of pixels and shapes that do not fit.

    >>> images = torch.eye(3).expand(2, 3, 3)
    >>> random_shift(images, generator=torch.Generator().manual_seed(1))
    tensor([[[0., 0., 0.],
             [1., 0., 0.],
             [0., 1., 0.]],
    <BLANKLINE>
            [[0., 0., 1.],
             [0., 0., 0.],
             [0., 0., 0.]]])
    """
    _check_images(images, *masks)
    if not isinstance(pixels, Tensor) and (pixels < 0 or pixels % 1 != 0):
        raise ValueError(f"pixels must be a whole number of at least 0, got {pixels}")
    u = _uniform((2, len(images)), images, generator)
    # Of the largest u below 1 the product, rounded, is below 2 * pixels + 1, too.
    down, right = ((u * (2 * pixels + 1)).floor() - pixels).long()
    return _each(lambda x: translate(x, down, right), images, masks)


@overload
def random_flip(
    images: Tensor, *, p: Number = ..., dim: int = ..., generator: MaybeGenerator = ...
) -> Tensor: ...


@overload
def random_flip(
    images: Tensor, *masks: Tensor, p: Number = ..., dim: int = ..., generator: MaybeGenerator = ...
) -> tuple[Tensor, ...]: ...


def random_flip(
    images: Tensor, *masks: Tensor, p: Number = 0.5, dim: int = -1, generator: MaybeGenerator = None
) -> Tensor | tuple[Tensor, ...]:
    """Mirror each image with probability p: dim -1 swaps left and right, dim -2 top and bottom.

    images [N, ..., H, W]; masks [N, ..., H, W] are mirrored with their image. Returns a tensor, or
    a tuple when there are masks. generator: as in `random_shift`.
    Raises ValueError for p outside [0, 1], another dim and shapes that do not fit.
    """
    _check_images(images, *masks)
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise ValueError(f"p must lie in [0, 1], got {p}")
    if dim not in (-1, -2):
        raise ValueError(f"dim must be -1 (left and right) or -2 (top and bottom), got {dim}")
    flipped = _uniform((len(images), 1), images, generator) < p
    return _each(lambda x: x.where(~_along(flipped, x, dim), x.flip(dim)), images, masks)


def gaussian_noise(images: Tensor, std: Number = 0.1, generator: MaybeGenerator = None) -> Tensor:
    """Add to each number of images [N, ...] its own draw from N(0, std²), in the images' units.

    A mask gets none: the label of a pixel does not change with its brightness.
    Raises ValueError for a negative std, TypeError for images that are not floating point.
    """
    if not images.is_floating_point():
        raise TypeError(f"images must be floating point, got {images.dtype}")
    if not isinstance(std, Tensor) and not 0 <= std < float("inf"):
        raise ValueError(f"std must be non-negative and finite, got {std}")
    device = images.device if generator is None else generator.device
    noise = torch.randn(images.shape, dtype=images.dtype, device=device, generator=generator)
    return images + std * noise.to(images.device)


class Augment(nn.Module):
    """Flips, then a shift, then noise of flat images [N, H W] in training; nothing in evaluation.

    ``height``, ``width``: of the images; ``pixels``: as in `random_shift`; ``horizontal`` and
    ``vertical``: probabilities of the two flips; ``std``: of the noise. At 0 each does nothing.
    The strengths are buffers, so that networks of different ones have one structure and
    `ensemble.train` can stack them. Draws come from the global generator. ValueError as above.
    """

    pixels: Tensor
    horizontal: Tensor
    vertical: Tensor
    std: Tensor

    def __init__(
        self,
        height: int,
        width: int,
        *,
        pixels: int = 0,
        horizontal: float = 0.0,
        vertical: float = 0.0,
        std: float = 0.0,
    ) -> None:
        super().__init__()
        self.size = (height, width)
        strengths = {"pixels": pixels, "horizontal": horizontal, "vertical": vertical, "std": std}
        # Called for their errors, and leaving the global generator alone.
        one, unused = torch.zeros(1, 1, 1), torch.Generator()
        random_shift(one, pixels=pixels, generator=unused)
        random_flip(one, p=horizontal, generator=unused)
        random_flip(one, p=vertical, generator=unused)
        gaussian_noise(one, std, unused)
        for name, strength in strengths.items():
            self.register_buffer(name, torch.tensor(float(strength)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape [N, H W]; each image has its own draw."""
        if not self.training:
            return x
        images = x.reshape(*x.shape[:-1], *self.size)
        images = random_flip(images, p=self.horizontal, dim=-1)
        images = random_flip(images, p=self.vertical, dim=-2)
        images = random_shift(images, pixels=self.pixels)
        return gaussian_noise(images, self.std).flatten(-2)


def _each(
    change: Callable[[Tensor], Tensor], images: Tensor, masks: tuple[Tensor, ...]
) -> Tensor | tuple[Tensor, ...]:
    return (change(images), *map(change, masks)) if masks else change(images)


def _along(values: Tensor, images: Tensor, dim: int) -> Tensor:
    """Values [N, size or 1] at their place along dim of images [N, ..., H, W], expanded."""
    shape = [len(images)] + [1] * (images.dim() - 1)
    shape[dim] = values.shape[1]
    return values.view(shape).expand_as(images)


def _uniform(shape: tuple[int, ...], images: Tensor, generator: MaybeGenerator) -> Tensor:
    device = images.device if generator is None else generator.device
    return torch.rand(shape, device=device, generator=generator).to(images.device)


def _check_images(images: Tensor, *masks: Tensor) -> None:
    if images.dim() < 3:
        raise ValueError(f"images must be [N, ..., H, W], got {list(images.shape)}")
    expected = (len(images), *images.shape[-2:])
    for mask in masks:
        if mask.dim() < 3 or (len(mask), *mask.shape[-2:]) != expected:
            n, height, width = expected
            fits = f"masks must be [{n}, ..., {height}, {width}] as their images"
            raise ValueError(f"{fits}, got {list(mask.shape)}")
