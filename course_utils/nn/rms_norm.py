"""Root mean square layer normalization (Zhang and Sennrich 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.nn.checks import check_rms_norm
from course_utils.nn.differentiable import half_as_float32
from course_utils.nn.norm import Norm, as_shape
from course_utils.nn.normalize import normalize, scale_and_shift


class RMSNorm(Norm):
    """Layer normalization that takes the mean as zero, and has no beta.

        y = gamma x / sqrt(mean(x^2) + eps)

    eps None: the machine epsilon of x, of float32 for half precision. Arguments, attributes and
    `state_dict` as `torch.nn.RMSNorm`. RuntimeError for inputs of another shape, ValueError for too
    few dimensions.
    """

    by_value = ("normalized_shape",)
    by_name = ("eps", "elementwise_affine")

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.add_parameters(self.normalized_shape, elementwise_affine, False, device, dtype)

    @half_as_float32
    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x, [*, *normalized_shape]."""
        check_rms_norm(self, x)
        axes = list(range(-len(self.normalized_shape), 0))  # the last ones
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        mean_square = x.square().mean(axes, keepdim=True)
        x_hat = normalize(x, axes, eps, statistics=(0.0, mean_square))
        return scale_and_shift(x_hat, gamma=self.weight, beta=None)
