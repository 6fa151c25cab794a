"""Checks of the arguments of optimizers, with the messages of PyTorch."""

from __future__ import annotations

from typing import Any

from torch import Tensor

# Arguments that must not be negative, and how PyTorch calls them in its errors.
NOT_NEGATIVE = {"lr": "learning rate", "eps": "epsilon value"} | {
    name: f"{name} value"
    for name in (
        "lr_decay",
        "initial_accumulator_value",
        "momentum",
        "alpha",
        "weight_decay",
        "momentum_decay",
    )
}


def check(options: dict[str, Any]) -> None:
    """Raise ValueError or RuntimeError for options with which PyTorch's optimizers do not start.

    ``options``: the arguments of a constructor by name; only those that are there are checked.
    """
    lr = options["lr"]
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    for name, called in NOT_NEGATIVE.items():
        if name in options and not options[name] >= 0.0:  # NaN is neither
            raise ValueError(f"Invalid {called}: {options[name]}")
    if "rho" in options and not 0.0 <= options["rho"] <= 1.0:
        raise ValueError(f"Invalid rho value: {options['rho']}")
    if options.get("nesterov") and (options["momentum"] <= 0 or options["dampening"] != 0):
        raise ValueError("Nesterov momentum requires a momentum and zero dampening")
    if "betas" in options:
        _check_betas(options)
    if options.get("fused"):
        if options["differentiable"]:
            raise RuntimeError("`fused` does not support `differentiable`")
        if options["foreach"]:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def _check_betas(options: dict[str, Any]) -> None:
    betas = options["betas"]
    for i in range(2):
        if isinstance(betas[i], Tensor) and betas[i].numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
    if "amsgrad" not in options:  # NAdam and RAdam take any two numbers
        return
    if not any(all(isinstance(beta, kind) for beta in betas) for kind in (float, Tensor)):
        raise ValueError("betas must be either both floats or both Tensors")
    if options["foreach"] and not options["capturable"]:
        named = {"lr": options["lr"], "betas[0]": betas[0], "betas[1]": betas[1]}
        for name, value in named.items():
            if isinstance(value, Tensor):
                raise ValueError(
                    f"{name} as a Tensor is not supported for capturable=False and foreach=True"
                )
