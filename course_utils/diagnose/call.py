"""The one call: `diagnose`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.optim import Optimizer

from course_utils.arguments import check_counts
from course_utils.diagnose.batches import Batch
from course_utils.diagnose.checks import CHECKS, Check
from course_utils.diagnose.held import untouched
from course_utils.diagnose.report import Report
from course_utils.diagnose.running import first_error, read_splits, run_checks
from course_utils.diagnose.subject import Step, Subject


def diagnose(
    model: nn.Module,
    loss_fn: Callable[[Any, Any], Tensor],
    train_batches: Iterable[Batch],
    *,
    optimizer: Optimizer | None = None,
    val_batches: Iterable[Batch] | None = None,
    test_batches: Iterable[Batch] | None = None,
    step: Step | None = None,
    forward: Callable[[Batch], Any] | None = None,
    target: Callable[[Batch], Any] | None = None,
    build: Callable[[], tuple[nn.Module, Optimizer]] | None = None,
    steps: int = 48,
    max_rows: int = 1000,
    seed: int = 0,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    progress: Callable[[str], object] | None = None,
) -> Report:
    """Go through the checklist of debugging, and report what looks wrong.

    Afterwards all is as before, bit for bit, also if the script raises: parameters with their
    gradients, buffers, modes, the optimizer's state, random states, generators of loaders.
    What raises inside a check becomes a finding; `diagnose` itself raises for its arguments only.

    Args:
        model: any module.
        loss_fn: loss_fn(output, target), a scalar.
        train_batches: (inputs, targets) or dicts with "labels", as a DataLoader or list.
        optimizer: the one to train with; without it, checks of updates and rates are skipped.
        val_batches: held-out batches; so are `test_batches`.
        step: step(model, batch, optimizer) as your loop has it, to find its bugs; returns the loss.
        forward: output of a batch, where model(x) or model(**rest) will not do.
        target: target of a batch, where it is not the second or the entry "labels".
        build: () -> (model, optimizer), to see whether two runs are equal.
        steps: length of the short training run.
        max_rows: how many rows of a split to read.
        seed: of all that is drawn here.
        only: names of the checks to run; default all in `CHECKS`.
        skip: names of the checks to leave out.
        progress: is called with the name of each check before it runs, for example `print`.

    Raises:
        TypeError: if an argument is of another type; an iterator would be used up by this.
        ValueError: if there is no batch, a name is unknown, or a number is below 1.
    """
    chosen = _chosen(only, skip)
    check_counts(steps=steps, max_rows=max_rows)
    if not 0 <= seed < 2**32 - 1:
        raise ValueError(f"seed must be between 0 and 2**32 - 2, got {seed}")
    _check_script(model, loss_fn, optimizer)
    _check_functions(step=step, forward=forward, target=target, build=build, progress=progress)
    splits = {"train": train_batches, "val": val_batches, "test": test_batches}
    for name, batches in splits.items():
        _check_batches(f"{name}_batches", batches, needed=name == "train")
    subject = Subject(
        model, loss_fn, (), (), (), optimizer, step, forward, target, build, steps=steps, seed=seed
    )
    with untouched(*subject.everything(), build, *splits.values()), torch.enable_grad():
        subject.seeded()
        read_splits(subject, splits, max_rows)
        subject.error = first_error(subject)
        return run_checks(subject, chosen, progress)


def _chosen(only: Collection[str] | None, skip: Collection[str]) -> list[Check]:
    names = [check.name for check in CHECKS]
    for argument, given in (("only", only or ()), ("skip", skip)):
        if isinstance(given, str):
            raise TypeError(f"{argument} must be a collection of names, got {given!r}")
        for name in given:
            if name not in names:
                raise ValueError(f"{argument} must hold names of {names}, got {name!r}")
    return [c for c in CHECKS if (only is None or c.name in only) and c.name not in skip]


def _check_script(model: object, loss_fn: object, optimizer: object) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if any(isinstance(p, UninitializedParameter) for p in model.parameters()):
        raise ValueError("model must be initialized: call it once before, for its lazy layers")
    if not callable(loss_fn):
        raise TypeError(f"loss_fn must be callable, got {type(loss_fn).__name__}")
    if not isinstance(optimizer, Optimizer | None):
        name = type(optimizer).__name__
        raise TypeError(f"optimizer must be a torch.optim.Optimizer, got {name}")


def _check_functions(**functions: object) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be callable or None, got {type(function).__name__}")


def _check_batches(name: str, batches: object, needed: bool) -> None:
    if isinstance(batches, Iterator):
        raise TypeError(
            f"{name} must start again each time, as a list or a DataLoader does; an iterator, got "
            f"{type(batches).__name__}, would be used up"
        )
    if not isinstance(batches, Iterable) and (needed or batches is not None):
        raise TypeError(f"{name} must be a DataLoader or a list, got {type(batches).__name__}")
