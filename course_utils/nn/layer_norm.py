"""Layer normalization (Ba, Kiros and Hinton 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.nn.checks import check_layer_norm
from course_utils.nn.differentiable import half_as_float32
from course_utils.nn.norm import Norm, as_shape
from course_utils.nn.normalize import normalize, scale_and_shift


class LayerNorm(Norm):
    """Normalize each example over its last dimensions, those of ``normalized_shape``.

    gamma and beta have that shape. The same in training and evaluation mode. Arguments, attributes
    and `state_dict` as `torch.nn.LayerNorm`. RuntimeError for inputs of another shape.
    """

    by_value = ("normalized_shape",)
    by_name = ("eps", "elementwise_affine", "bias")

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = as_shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.add_parameters(self.normalized_shape, elementwise_affine, bias, device, dtype)

    @half_as_float32
    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x, [*, *normalized_shape]."""
        check_layer_norm(self, x)
        axes = range(-len(self.normalized_shape), 0)  # the last ones
        x_hat = normalize(x, axes, self.eps)
        return scale_and_shift(x_hat, gamma=self.weight, beta=self.bias)
