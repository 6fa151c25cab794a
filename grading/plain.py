"""Values as plain JSON and back, and how far two of them are apart.

Runs on both sides of the wall, so it imports nothing of the grader. What comes from a student's
process is data of unknown shape: `decode` and `difference` never fail on it.
"""

from __future__ import annotations

import math
import reprlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # importing PyTorch takes longer than most notebooks
    import torch

LARGEST = 100_000
"""Numbers in a tensor, characters in a text, entries in a list."""
DEEPEST = 20
"""Lists in lists, and dimensions of a tensor."""
DIGITS = 4000
"""Of a whole number: Python reads 4300."""
FLOATS = ("float64", "float32", "float16", "bfloat16")
DTYPES = (*FLOATS, "int64", "int32", "int16", "int8", "uint8", "bool")


def encode(value: Any, depth: int = 0) -> Any:
    """Tensors, arrays, numbers, texts, lists and dicts as JSON; else `{"unknown": type}`."""
    try:
        return _encode(value, depth)
    except (TypeError, ValueError, RuntimeError):  # arrays of objects, sparse tensors, ...
        return {"unknown": type(value).__name__}


def _encode(value: Any, depth: int) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        import torch

        value = torch.as_tensor(np.array(value, order="C"))  # PyTorch knows no negative strides
    if isinstance(value, _tensor_type()):
        dtype = str(value.dtype).removeprefix("torch.")
        if value.numel() <= LARGEST and dtype in DTYPES:
            flat = value.detach().cpu().flatten()
            numbers = flat.tolist() if flat.isfinite().all() else [*map(encode, flat.tolist())]
            return {"tensor": numbers, "shape": list(value.shape), "dtype": dtype}
    elif isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    elif value is None or isinstance(value, bool):
        return value
    elif isinstance(value, int) and abs(value) < 10**DIGITS:
        return int(value)
    elif isinstance(value, str) and len(value) <= LARGEST:
        return str(value)
    elif depth < DEEPEST and isinstance(value, list | tuple) and len(value) <= LARGEST:
        return [encode(entry, depth + 1) for entry in value]
    elif depth < DEEPEST and isinstance(value, dict) and len(value) <= LARGEST:
        return {"dict": {str(key): encode(entry, depth + 1) for key, entry in value.items()}}
    return {"unknown": type(value).__name__}


def _tensor_type() -> tuple[type[Any], ...]:
    """`torch.Tensor`; empty as long as nobody has imported PyTorch."""
    torch = sys.modules.get("torch")
    return (torch.Tensor,) if torch else ()


class Unknown:
    """What could not be sent, or not be understood: it equals nothing."""

    def __init__(self, name: object) -> None:
        self.name = str(name)[:80]

    def __repr__(self) -> str:
        return f"<{self.name}>"


def decode(data: Any, depth: int = 0) -> Any:
    """Undo `encode`, of whatever JSON; what it could not have written becomes `Unknown`."""
    if depth > DEEPEST:
        return Unknown("too deep")
    if isinstance(data, list):
        return [decode(entry, depth + 1) for entry in data]
    if not isinstance(data, dict):
        return data
    try:
        if "tensor" in data:
            return _tensor(**data)
        if "float" in data:
            return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[data["float"]])
        if "dict" in data:
            return {str(k): decode(v, depth + 1) for k, v in data["dict"].items()}
        return Unknown(data["unknown"])
    except Exception:
        return Unknown("not plain data")


def _tensor(tensor: list[Any], shape: list[int], dtype: str) -> torch.Tensor:
    """ValueError and others for what `encode` does not write."""
    import torch

    numbers = [decode(n, DEEPEST) if isinstance(n, dict) else n for n in tensor]
    if len(shape) > DEEPEST or min(shape, default=0) < 0 or dtype not in DTYPES:
        raise ValueError("no tensor of ours")
    return torch.tensor(numbers, dtype=getattr(torch, dtype)).reshape(shape)


def difference(expected: Any, answer: Any, rtol: float = 1e-6, atol: float = 1e-8) -> str:
    """What is wrong with an answer, "" if nothing; numbers may be apart by the tolerances.

    Tensors, arrays, lists and tuples of numbers of one shape are the same thing, and dtypes do not
    matter. A NaN equals a NaN.

    >>> import torch
    >>> difference([1.0, 2.0], torch.tensor([1.0, 2.5]))
    'off by up to 0.5'
    >>> difference({"b": 1.0}, {"a": 1.0})
    "the names are ['a'] and should be ['b']"
    """
    if isinstance(expected, dict):
        return _dicts(expected, answer, rtol, atol)
    right, given = _numbers(expected), _numbers(answer)
    if right is None and isinstance(expected, list | tuple):
        return _lists(expected, answer, rtol, atol)
    if right is None:
        same = type(expected) is type(answer) and expected == answer
        return "" if same else f"it is {_short(answer)} and should be {_short(expected)}"
    if given is None:
        return f"it is {_short(answer)} and should be {_kind(right)}"
    if right.shape != given.shape:
        return f"its shape is {list(given.shape)} and should be {list(right.shape)}"
    with np.errstate(all="ignore"):
        if np.allclose(given, right, rtol=rtol, atol=atol, equal_nan=True):
            return ""
        apart = np.abs(given - right)
    if not np.isfinite(apart).all():
        return "some numbers are not finite, or should not be"
    return f"off by up to {apart.max():.3g}"


def _dicts(expected: dict[str, Any], answer: Any, rtol: float, atol: float) -> str:
    if not isinstance(answer, dict):
        return f"it is {_short(answer)} and should be a dict"
    if expected.keys() != answer.keys():
        names, right = sorted(map(str, answer)), sorted(map(str, expected))
        return f"the names are {_short(names)} and should be {_short(right)}"
    return _first({k: difference(v, answer[k], rtol, atol) for k, v in expected.items()})


def _lists(expected: Any, answer: Any, rtol: float, atol: float) -> str:
    if not isinstance(answer, list | tuple):
        return f"it is {_short(answer)} and should hold {len(expected)} values"
    if len(expected) != len(answer):
        return f"it holds {len(answer)} values and should hold {len(expected)}"
    pairs = enumerate(zip(expected, answer, strict=True), 1)
    return _first({f"value {i}": difference(a, b, rtol, atol) for i, (a, b) in pairs})


def _first(wrong: dict[str, str]) -> str:
    return next((f"{name}: {text}" for name, text in wrong.items() if text), "")


def _numbers(value: Any) -> Any:
    """The value as an array of doubles, None if it is something else."""
    if isinstance(value, _tensor_type()):
        return value.detach().double().numpy()
    if not _holds_numbers(value):
        return None
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (ValueError, TypeError, OverflowError):
        return None


def _holds_numbers(value: Any) -> bool:
    """Looked at first, as NumPy gives each entry of a list the room of its longest text."""
    if isinstance(value, list | tuple):
        return all(map(_holds_numbers, value))
    return isinstance(value, (bool, int, float, np.ndarray, np.generic, *_tensor_type()))


def _kind(array: Any) -> str:
    return "a number" if array.ndim == 0 else f"numbers of shape {list(array.shape)}"


class _Short(reprlib.Repr):
    """Short whatever it gets, at little cost."""

    def repr_Tensor(self, tensor: torch.Tensor, level: int) -> str:
        return f"a tensor {list(tensor.shape)}"

    def repr_int(self, number: int, level: int) -> str:
        return repr(number) if abs(number) < 10**20 else "a very large number"


def _short(value: Any) -> str:
    text = _Short().repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
