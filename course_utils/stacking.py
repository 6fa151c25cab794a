"""Many networks of one structure as one: their tensors stacked along a new first dimension."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_utils.stacked_layers import Rule, hooked, rule_for
from course_utils.structure import check_structure


class Stack:
    """M modules of one structure, evaluated together.

    ``state`` maps the name of each parameter and buffer to one tensor [M, *shape]. The modules
    themselves are left alone until `write_back`. ``writes_inputs``: whether the modules change
    their inputs in place, so that an evaluation needs a copy. ValueError if structures differ.
    """

    def __init__(self, models: Sequence[nn.Module], *, writes_inputs: bool = False) -> None:
        check_structure(models)
        self.models = models
        self.writes_inputs = writes_inputs
        self.skeleton = copy.deepcopy(models[0])
        self.layers = plan(self.skeleton)
        self.state: dict[str, Tensor] = {}
        self.parameters: list[Tensor] = []
        for name, first in models[0].named_parameters():
            stacked = torch.stack([model.get_parameter(name).detach() for model in models])
            self.state[name] = stacked.requires_grad_(first.requires_grad)
            self.parameters.append(stacked)
        for name, _ in models[0].named_buffers():
            stacked = torch.stack([model.get_buffer(name) for model in models])
            # A counter of batches is one number, the same for all: BatchNorm(momentum=None)
            # computes with it as a number.
            shared = name.endswith("num_batches_tracked") and bool((stacked == stacked[0]).all())
            momentum = getattr(models[0].get_submodule(name.rpartition(".")[0]), "momentum", 0)
            if name.endswith("num_batches_tracked") and momentum is None and not shared:
                raise ValueError(
                    f"{name} must be the same in all models, since momentum is None, "
                    f"got {stacked.tolist()}"
                )
            self.state[name] = stacked[0].clone() if shared else stacked

    def __call__(self, inputs: tuple[Tensor, ...], *, training: bool) -> Tensor:
        """Return the outputs [M, B, ...] for inputs [M, B, ...], or [1, B, ...] shared by all.

        In training mode buffers such as running statistics are updated; in evaluation mode there
        is no gradient.
        """
        self.skeleton.train(training)
        x = tuple(i.expand(len(self.models), *i.shape[1:]) for i in inputs)
        if self.writes_inputs and not training:  # batches of the training are copies already
            x = tuple(i.clone(memory_format=torch.contiguous_format) for i in x)
        with torch.set_grad_enabled(training):
            for rule, module, names in self.layers:
                state = {local: self.state[name] for local, name in names.items()}
                x = (rule(module, state, *x),)
                for local, name in names.items():  # a buffer re-assigned by the module
                    if training and state[local] is not self.state[name]:
                        self.state[name] = state[local].detach()
        return x[0]

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy every parameter and buffer into the module it belongs to."""
        for i, model in enumerate(self.models):
            for name, tensor in (*model.named_parameters(), *model.named_buffers()):
                stacked = self.state[name]
                tensor.copy_(stacked[i] if stacked.dim() else stacked)


def plan(root: nn.Module) -> list[tuple[Rule, nn.Module, dict[str, str]]]:
    """Return the layers of a network in order: (rule, module, {its name for a tensor: ours}).

    A Sequential is taken apart, so that a layer with a rule of its own can use it.
    """
    first_name: dict[int, str] = {}  # tied tensors are stacked once, under their first name
    for name, tensor in (*root.named_parameters(), *root.named_buffers()):
        first_name[id(tensor)] = name
    layers: list[tuple[Rule, nn.Module, dict[str, str]]] = []

    def add(module: nn.Module) -> None:
        if type(module) is nn.Sequential and not hooked(module):
            for child in module:
                add(child)
        else:
            tensors = (
                *module.named_parameters(remove_duplicate=False),
                *module.named_buffers(remove_duplicate=False),
            )
            layers.append((rule_for(module), module, {n: first_name[id(t)] for n, t in tensors}))

    add(root)
    return layers
