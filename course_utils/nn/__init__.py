"""Layers and activations from scratch, with the names, arguments and defaults of `torch.nn`."""

from course_utils.nn.activations import (
    ELU,
    GELU,
    LeakyReLU,
    Maxout,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from course_utils.nn.batch_norm import BatchNorm1d, BatchNorm2d
from course_utils.nn.batch_norm_function import (
    BatchNormFunction,
    batch_norm_backward,
)
from course_utils.nn.bn_reestimate import bn_reestimate
from course_utils.nn.drop_connect import DropConnect
from course_utils.nn.dropout import ClassicDropout, Dropout, GaussianDropout, Uout
from course_utils.nn.functions import (
    elu,
    elu_derivative,
    gelu,
    gelu_derivative,
    leaky_relu,
    leaky_relu_derivative,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    silu,
    silu_derivative,
    softplus,
    softplus_derivative,
    tanh,
    tanh_derivative,
)
from course_utils.nn.group_norm import GroupNorm, InstanceNorm2d
from course_utils.nn.layer_norm import LayerNorm
from course_utils.nn.normalize import normalize
from course_utils.nn.rms_norm import RMSNorm

__all__ = [
    "ELU",
    "GELU",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNormFunction",
    "ClassicDropout",
    "DropConnect",
    "Dropout",
    "GaussianDropout",
    "GroupNorm",
    "InstanceNorm2d",
    "LayerNorm",
    "LeakyReLU",
    "Maxout",
    "RMSNorm",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "Uout",
    "batch_norm_backward",
    "bn_reestimate",
    "elu",
    "elu_derivative",
    "gelu",
    "gelu_derivative",
    "leaky_relu",
    "leaky_relu_derivative",
    "normalize",
    "relu",
    "relu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "silu",
    "silu_derivative",
    "softplus",
    "softplus_derivative",
    "tanh",
    "tanh_derivative",
]
