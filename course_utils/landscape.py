"""The loss as a surface over one or two directions in the space of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call

from course_utils.arguments import Data, as_tensors, check_counts

Direction = Mapping[str, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
Normalize = Literal["filter", "layer"]


def random_direction(
    model: nn.Module,
    generator: torch.Generator | None = None,
    *,
    normalize: Normalize | None = "filter",
) -> dict[str, Tensor]:
    r"""Draw a direction with a normal number for each weight, scaled as the weights are.

    ``normalize``: "filter" gives each row the norm of the same row of the weights (a row: the
    weights of one unit, or of one filter of a convolution),

        d_i <- d_i ||w_i|| / ||d_i||

    "layer" does so with whole weight tensors, None with nothing: every number is N(0, 1).
    Parameters of fewer than two dimensions (biases, gain and shift of norm layers) get zeros.

    Returns tensors by parameter name, with the shapes, device and dtype of the parameters. The
    numbers are drawn in float64 on the device of ``generator`` (without one, on the CPU), so they
    are the same for every dtype. ValueError for another ``normalize``.
    Source: Li et al. 2018, section 4.

    >>> layer = torch.nn.Linear(3, 2)
    >>> d = random_direction(layer, torch.Generator().manual_seed(0))
    >>> torch.allclose(d["weight"].norm(dim=1), layer.weight.norm(dim=1)), d["bias"]
    (True, tensor([0., 0.]))
    """
    if normalize is not None and normalize not in get_args(Normalize):
        raise ValueError(f'normalize must be "filter", "layer" or None, got {normalize!r}')
    return {
        name: _direction_of(w.detach(), generator, normalize)
        for name, w in model.named_parameters()
    }


def _direction_of(
    w: Tensor, generator: torch.Generator | None, normalize: Normalize | None
) -> Tensor:
    if w.dim() < 2:
        return torch.zeros_like(w)
    where = generator.device if generator else torch.device("cpu")
    d = torch.randn(w.shape, generator=generator, dtype=torch.float64, device=where).to(w.device)
    if normalize:
        dims = list(range(1 if normalize == "filter" else 0, w.dim()))
        norms = [torch.linalg.vector_norm(x, dim=dims, keepdim=True) for x in (w.double(), d)]
        d = d * norms[0] / norms[1]
    return d.to(w.dtype)


def surface(
    model: nn.Module,
    loss: Loss,
    data: Data,
    directions: Sequence[Direction],
    offsets: Tensor,
    *,
    chunk_size: int = 64,
    vectorize: bool = True,
) -> Tensor:
    """Evaluate the loss on a grid around the model's parameters w, in evaluation mode.

        L(a, b) = loss(model with parameters w + a d + b e)

    ``loss``: of outputs and targets, a number; or a tensor of several measures at once.
    ``data``: (inputs, targets); inputs may be a tuple of tensors, the arguments of the model.
    ``directions``: one (d), two (d, e) or more, as `random_direction` gives them.
    ``offsets``: [K], the values of a, and of b; 0 is the model itself.
    ``chunk_size``: points computed at once; memory grows with it.
    ``vectorize``: False computes one point after another, for models that `torch.vmap` cannot take.

    Returns [K], [K, K], ... (and the shape of what ``loss`` returns): entry [i, j] lies at
    a = offsets[i], b = offsets[j]. The model is left as it was: parameters, buffers, gradients and
    the mode of each of its modules.
    Errors: ValueError for directions or offsets that do not fit, TypeError for data that are no
    tensors. Source: Li et al. 2018, section 3.

    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> data = torch.ones(1, 1), torch.nn.init.ones_(net.weight).detach()  # the loss is (2 a)^2
    >>> d = [{"weight": torch.tensor([[2.0]])}]
    >>> surface(net, torch.nn.functional.mse_loss, data, d, torch.tensor([-1.0, 0.0, 1.0]))
    tensor([4., 0., 4.])
    """
    weights = {name: p.detach() for name, p in model.named_parameters()}
    _check_directions(weights, directions)
    if offsets.dim() != 1 or not len(offsets):
        raise ValueError(f"offsets must have shape [K], K >= 1, got {tuple(offsets.shape)}")
    check_counts(chunk_size=chunk_size)
    first = next(iter(weights.values()))
    inputs, targets = as_tensors("data", data, first.device)
    buffers = {name: b.clone() for name, b in model.named_buffers()}

    def loss_at(point: Tensor) -> Tensor:
        moved = {
            name: w + sum(a * d[name] for a, d in zip(point, directions, strict=True))
            for name, w in weights.items()
        }
        return loss(functional_call(model, {**moved, **buffers}, inputs), targets)

    axis = offsets.to(first)
    grid = torch.stack(torch.meshgrid([axis] * len(directions), indexing="ij"), dim=-1)
    points = grid.flatten(end_dim=-2)
    with torch.no_grad(), evaluation_mode(model):
        losses = (
            torch.vmap(loss_at, chunk_size=chunk_size)(points)
            if vectorize
            else torch.stack([loss_at(point) for point in points])
        )
    return losses.reshape(grid.shape[:-1] + losses.shape[1:])


def _check_directions(weights: dict[str, Tensor], directions: Sequence[Direction]) -> None:
    if not weights:
        raise ValueError("model must have parameters, got none")
    if not isinstance(directions, Sequence) or not directions:
        raise ValueError(f"directions must be a list of at least one, got {directions!r}")
    shapes = {name: tuple(w.shape) for name, w in weights.items()}
    for i, direction in enumerate(directions):
        got = {name: tuple(d.shape) for name, d in direction.items()}
        for name in sorted(shapes.keys() | got.keys()):
            if shapes.get(name) != got.get(name):
                raise ValueError(
                    f"directions[{i}] must have a tensor of each parameter's shape, got "
                    f"{got.get(name, 'none')} for {name}, which is {shapes.get(name, 'none')}"
                )


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode, and give each module the mode that it had afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
