"""Batches of any nesting of tuples, lists and dicts: their tensors, their rows, their devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Batch = Any
Path = tuple[Any, ...]
TARGET_KEYS = ("labels", "label", "target", "targets", "y")


def map_tensors(batch: Batch, change: Callable[[Path, Tensor], Tensor], path: Path = ()) -> Batch:
    """The batch with each tensor replaced by change(path, tensor); all else is kept.

    >>> map_tensors((torch.ones(2), {"n": torch.ones(1)}), lambda path, x: x + len(path))
    (tensor([2., 2.]), {'n': tensor([3.])})
    """
    if isinstance(batch, Tensor):
        return change(path, batch)
    if isinstance(batch, Mapping):
        items = {k: map_tensors(v, change, (*path, k)) for k, v in batch.items()}
        return items if type(batch) is dict else _of_type(batch, items)
    if isinstance(batch, tuple | list):
        parts = [map_tensors(v, change, (*path, i)) for i, v in enumerate(batch)]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _of_type(batch: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the same type, as tokenizers return one; a dict if it cannot be built."""
    try:
        return type(batch)(items)  # type: ignore[call-arg]  # Mapping has no constructor
    except TypeError:
        return items


def named_tensors(batch: Batch) -> dict[Path, Tensor]:
    """All tensors of a batch by their path."""
    found: dict[Path, Tensor] = {}

    def remember(path: Path, tensor: Tensor) -> Tensor:
        found[path] = tensor
        return tensor

    map_tensors(batch, remember)
    return found


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch with its tensors on the device, and away from any graph."""
    return map_tensors(batch, lambda _, tensor: tensor.detach().to(device))


def default_target(batch: Batch) -> Any:
    """y of (x, y), or the entry of a dict that is called as labels are."""
    if isinstance(batch, Mapping):
        for key in TARGET_KEYS:
            if key in batch:
                return batch[key]
        raise ValueError(
            f"a batch that is a dict must have one of the keys {TARGET_KEYS}, got "
            f"{tuple(batch)}; pass target=, a function of the batch"
        )
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[1]
    raise ValueError(
        f"a batch must be a pair (inputs, targets) or a dict, got {_describe(batch)}; "
        "pass forward= and target=, functions of the batch"
    )


def default_forward(model: Callable[..., Any], batch: Batch) -> Any:
    """model(x) of (x, y), model(*x) if x is a tuple or list, model(**rest) of a dict."""
    if isinstance(batch, Mapping):
        target = next((key for key in TARGET_KEYS if key in batch), None)
        return model(**{k: v for k, v in batch.items() if k != target})
    inputs = batch[0]
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def rows_of(batch: Batch, rows: Tensor) -> Batch:
    """The batch with these rows of each tensor."""
    return map_tensors(batch, lambda _, t: t[rows.to(t.device)])


def appended(more: dict[Path, Tensor], path: Path, tensor: Tensor) -> Tensor:
    """The tensor, and below it that of the same path in another batch."""
    return torch.cat([tensor, more[path]])


def stackable(a: Batch, b: Batch) -> bool:
    """Whether two batches have the same tensors but for the number of rows."""
    shapes = [{path: t.shape[1:] for path, t in named_tensors(x).items()} for x in (a, b)]
    return shapes[0] == shapes[1]


def _describe(batch: Batch) -> str:
    length = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
    return f"{type(batch).__name__}{length}"
