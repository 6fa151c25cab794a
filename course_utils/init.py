"""Initial weights, with the names, arguments and defaults of `torch.nn.init`, and two more rules.

Weights have the shape [n_out, n_in] of `torch.nn.Linear` or [C_out, C_in, *kernel] of
`torch.nn.Conv2d`; with k the size of the kernel, fan_in = C_in k is how many numbers an output
adds, and fan_out = C_out k how many outputs an input enters. Functions change the tensor in place
and return it. They draw from ``generator``, without one from the global random state.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = [
    "calculate_gain",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lsuv_",
    "orthogonal_",
    "prior_bias_",
    "xavier_normal_",
    "xavier_uniform_",
]

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before this activation are larger than before none.

    ReLU: sqrt(2). Leaky ReLU: sqrt(2 / (1 + param^2)) for the negative slope ``param``, 0.01 by
    default. ValueError for an unknown nonlinearity.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return GAINS[nonlinearity]


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Uniform on (-a, a) with a = gain sqrt(6 / (fan_in + fan_out)); Glorot and Bengio 2010.

    ValueError for fewer than 2 dimensions, as for all rules with a fan.
    """
    fan_in, fan_out = _fans(tensor)
    std = gain * math.sqrt(2 / (fan_in + fan_out))
    return _uniform_(tensor, std, generator)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)); Glorot and Bengio 2010."""
    fan_in, fan_out = _fans(tensor)
    std = gain * math.sqrt(2 / (fan_in + fan_out))
    return _normal_(tensor, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Uniform on (-b, b) with b = gain sqrt(3 / fan), as `kaiming_normal_`; He et al. 2015."""
    return _uniform_(tensor, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan); He et al. 2015.

    ``mode``: "fan_in" keeps the variance of outputs, "fan_out" that of gradients. ``a``: the
    slope of leaky ReLU, 0 being ReLU. ValueError for another mode or nonlinearity.
    """
    return _normal_(tensor, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(
    tensor: Tensor, gain: float = 1, generator: torch.Generator | None = None
) -> Tensor:
    """gain Q with orthonormal rows; with orthonormal columns when there are more rows than columns.

    Q is [n_out, fan_in], and every such Q is equally likely. ValueError for fewer than 2
    dimensions. Source: Saxe, McClelland and Ganguli 2014.
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return tensor
    normal = tensor.new_empty(len(tensor), tensor.numel() // len(tensor))
    normal.normal_(0, 1, generator=generator)
    wide = normal.shape[0] < normal.shape[1]
    q, r = torch.linalg.qr(normal.T if wide else normal)
    q = q * r.diagonal().sign()  # QR is unique with a positive diagonal; only then Q is uniform
    with torch.no_grad():
        return tensor.copy_((q.T if wide else q).view_as(tensor)).mul_(gain)


def lsuv_(model: nn.Module, inputs: Any, generator: torch.Generator | None = None) -> nn.Module:
    """Orthogonal weights, each layer's divided by the standard deviation of its outputs.

    Layers are `nn.Linear` and `nn.Conv1d` to `nn.Conv3d`, in the order in which ``model(inputs)``
    calls them; a tuple of ``inputs`` holds several arguments. Biases are set to zero. Then outputs
    are proportional to weights, so one division is exact, and one forward pass does for all layers.
    A weight used again keeps the scale of its first use.

    The model runs in the mode it is in. Its buffers stay as they are, and so does the global random
    state but for the weights drawn where ``generator`` is None.
    ValueError if no layer is called, or the outputs of one are all the same.
    Source: Mishkin and Matas 2016, "All you need is a good init".
    """
    scaled: set[int] = set()

    def scale(layer: nn.Module, _: Any, output: Tensor) -> Tensor | None:
        weight = layer.get_parameter("weight")
        if id(weight) in scaled:
            return None
        std = output.std(correction=0)
        if not (std > 0 and std.isfinite()):
            raise ValueError(f"inputs must give outputs that differ, got std {std} in {layer}")
        weight.div_(std)
        scaled.add(id(weight))
        return output / std

    layers = [layer for layer in model.modules() if isinstance(layer, LAYERS)]
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    hooks = [layer.register_forward_hook(scale) for layer in layers]
    try:
        with torch.no_grad():
            for layer in layers:
                orthogonal_(layer.weight, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
            buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
            with torch.random.fork_rng(devices=list(devices)):
                torch.func.functional_call(model, buffers, arguments)
    finally:
        for hook in hooks:
            hook.remove()
    if not scaled:
        raise ValueError("model must call a Linear or Conv layer, got none")
    return model


def prior_bias_(layer: nn.Module, class_counts: Sequence[float] | Tensor) -> nn.Module:
    """Set the bias of the last layer to log p_c, p_c = count_c / sum of counts.

    Where the rest of the logits is small, softmax then starts with the frequencies of the classes,
    and cross-entropy with their entropy in place of log C.

    ``class_counts``: [C] counts or probabilities of the classes, all positive. ValueError for
    others, another number of them than outputs, or a layer without bias.

    >>> prior_bias_(nn.Linear(5, 2), [30, 10]).bias.softmax(0)
    tensor([0.7500, 0.2500], grad_fn=<SoftmaxBackward0>)
    """
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    bias = getattr(layer, "bias", None)
    if bias is None:
        raise ValueError(f"layer must have a bias, got {layer}")
    if counts.shape != bias.shape:
        raise ValueError(
            f"class_counts must be one for each of {len(bias)} outputs, got {list(counts.shape)}"
        )
    if not (counts > 0).all() or not counts.isfinite().all():
        raise ValueError(f"class_counts must be positive and finite, got {counts.tolist()}")
    with torch.no_grad():
        bias.copy_((counts / counts.sum()).log())
    return layer


def _fans(tensor: Tensor) -> tuple[int, int]:
    """fan_in and fan_out."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / sqrt(fan); 0 for a tensor without numbers, which has nothing to draw."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return 0.0
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {modes}")
    fan = _fans(tensor)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@torch.no_grad()
def _uniform_(tensor: Tensor, std: float, generator: torch.Generator | None) -> Tensor:
    """Uniform around zero with a standard deviation: the variance of U(-a, a) is a^2 / 3."""
    bound = math.sqrt(3) * std
    return tensor.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def _normal_(tensor: Tensor, std: float, generator: torch.Generator | None) -> Tensor:
    return tensor.normal_(0, std, generator=generator)
