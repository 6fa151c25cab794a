"""Networks of the chapters that PyTorch does not have ready."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.sparse import sparse_linear


def mlp(*sizes: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of the given sizes with an activation between each two of them.

    ``sizes``: inputs, hidden units of each layer, outputs; initialised as `torch.nn.Linear` does.
    ValueError for fewer than two sizes, or one below 1.

    >>> mlp(64, 128, 10)
    Sequential(
      (0): Linear(in_features=64, out_features=128, bias=True)
      (1): ReLU()
      (2): Linear(in_features=128, out_features=10, bias=True)
    )
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must be at least two numbers of at least 1, got {sizes}")
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


class ResidualMLP(nn.Module):
    """A deep ReLU network with, or without, skip connections; all else is the same.

        x_0 = relu(A u),    x_l = s x_{l-1} + c relu(W_l x_{l-1}),    logits = B x_depth

    for inputs u, with s = 1, c = depth^(-1/2) with ``skip``, and s = 0, c = 1 without, where it
    is an `mlp` of depth + 1 hidden layers. Without this c a block would more than double x^2 at
    the start. Weights of hidden units are drawn by He's rule for ReLU, their biases start at zero,
    and one seed gives both kinds the same parameters.
    ``inputs``, ``width``, ``outputs``: features; ``depth``: number of W_l.
    ValueError for a size below 1. Sources: He et al. 2016 (skips), He et al. 2015 (start).

    >>> ResidualMLP(64, 32, 20, 10, skip=True)(torch.zeros(5, 64)).shape
    torch.Size([5, 10])
    """

    def __init__(self, inputs: int, width: int, depth: int, outputs: int, skip: bool) -> None:
        super().__init__()
        sizes = {"inputs": inputs, "width": width, "depth": depth, "outputs": outputs}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.skip = skip
        self.input = nn.Linear(inputs, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.output = nn.Linear(width, outputs)
        for layer in (self.input, *self.hidden):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [N, outputs] of inputs [N, inputs]."""
        x = F.relu(self.input(inputs))
        for layer in self.hidden:
            branch = F.relu(layer(x))
            x = x + branch / math.sqrt(len(self.hidden)) if self.skip else branch
        logits: Tensor = self.output(x)
        return logits


class Dropout(nn.Module):
    """Inverted dropout as `torch.nn.Dropout`, with its rate p in a buffer instead of a number.

    So networks of different rates have one structure, and `ensemble.train` can stack them. p stays
    float32 whatever the module is converted to, and masks are drawn in float32 or better.
    Raises ValueError for p outside [0, 1].
    """

    p: Tensor

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {p}")
        self.register_buffer("p", torch.tensor(p, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x with each number zeroed with probability p, and divided by 1 - p otherwise."""
        if not self.training:
            return x
        # Numbers drawn in half precision are so coarse that the rate would be off.
        dtype = torch.promote_types(x.dtype, torch.float32)
        p = self.p.to(dtype)
        keep = torch.rand_like(x, dtype=dtype) >= p
        # With p = 1 nothing is kept, and 0 / 0 would be no number.
        mask = keep / (1 - p).clamp(min=1e-30)
        return x * mask.to(x.dtype)

    def extra_repr(self) -> str:
        """The rate, which `nn.Module` would not show: a buffer is no part of its text."""
        return f"p={float(self.p):g}"

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> Dropout:
        """What `to`, `half`, `cuda` and so on do: here they may move p, and not round it."""
        p = self.p
        super()._apply(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        if self.p.dtype != p.dtype:
            self.p = p.to(self.p.device)
        return self


class BagOfWordsMLP(nn.Module):
    """Dropout-Linear-ReLU-Dropout-Linear on word counts, computed from the non-zero ones alone.

    The same parameters, start and function as nn.Sequential(nn.Dropout(input_dropout),
    nn.Linear(vocabulary_size, hidden), nn.ReLU(), nn.Dropout(hidden_dropout),
    nn.Linear(hidden, classes)) on the dense counts: zeros stay zero under dropout, so one mask for
    each token of a text has the distribution of the mask on all V inputs.

        h = W c + b = sum over the text's tokens t of c_t W[:, t], + b

    Raises ValueError for sizes below 1 and rates outside [0, 1].
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden: int = 16,
        classes: int = 2,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = {"vocabulary_size": vocabulary_size, "hidden": hidden, "classes": classes}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.input_dropout = Dropout(input_dropout)
        self.hidden = nn.Linear(vocabulary_size, hidden)
        self.hidden_dropout = Dropout(hidden_dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, ids: Tensor, counts: Tensor) -> Tensor:
        """Logits [N, classes] of texts as `bag_of_ids` gives them: ids long [N, L], counts [N, L].

        Each row has an id once; the id vocabulary_size fills it up and adds exactly nothing.
        Raises ValueError and IndexError as `sparse_linear`.
        """
        counts = self.input_dropout(counts)
        h = F.relu(sparse_linear(ids, counts, self.hidden.weight) + self.hidden.bias)
        logits: Tensor = self.output(self.hidden_dropout(h))
        return logits
