"""What goes through the wall: values survive, and data of a hostile process harms nobody."""

from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grading.plain import DEEPEST, LARGEST, Unknown, decode, difference, encode

VALUES = {
    "double": torch.tensor([[0.1, -2.0], [math.inf, 1e-300]], dtype=torch.float64),
    "single": torch.tensor([0.1, 2.0]),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "0-d": torch.tensor(3),
    "empty": torch.zeros(2, 0, 3),
    "with a gradient": torch.ones(2, requires_grad=True),
    "part of another": torch.arange(6.0).reshape(2, 3).T,
    "array": np.arange(3.0),
    "turned round": np.arange(3.0)[::-1],
    "NumPy's number": np.float32(0.5),
    "list": [1, 2.5, True, None, "ß"],
    "tuple": (0.1, 0.2),
    "infinities": [math.inf, -math.inf],
    "dict": {"a": 1.0, "b": [torch.ones(2), {"c": None}]},
    "a whole number beyond 64 bits": 10**100,
}
UNKNOWN = {
    "object": object(),
    "texts": np.array(["a"]),
    "objects": np.array([object()]),
    "sparse": torch.ones(2, 2).to_sparse(),
    "without data": torch.ones(2, device="meta"),
    "complex": 1j,
    "complex tensor": torch.ones(2, dtype=torch.complex64),
    "long list": [0] * (LARGEST + 1),
    "long text": "a" * (LARGEST + 1),
    "long tensor": torch.ones(1).expand(LARGEST + 1),
    "10**5000": 10**5000,
}


def through_json(value):
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_values_survive(value) -> None:
    assert difference(value, through_json(value), rtol=0, atol=0) == ""


def test_dtypes_and_nan_survive() -> None:
    found = through_json([torch.ones(2, dtype=torch.float32), math.nan])
    assert found[0].dtype == torch.float32
    assert math.isnan(found[1])


@pytest.mark.parametrize("value", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_no_plain_data_equals_nothing(value) -> None:
    found = through_json(value)
    assert isinstance(found, Unknown)
    assert difference(through_json(value), found) != ""
    assert difference(1.0, found).startswith("it is <")


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.integers(-3, 70)
plain = st.recursive(
    numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_all_plain_values_survive(value) -> None:
    found = through_json(value)
    assert repr(found) == repr(value)
    assert difference(value, found, rtol=0, atol=0) == ""


def test_a_list_in_itself_ends() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "list" in json.dumps(encode(endless))


texts = st.text(st.characters())  # halves of surrogate pairs, too
leaves = numbers | texts | st.sampled_from(["float64", "bool", "nan", "-inf", 10**400, 2**63])
keys = st.sampled_from(["tensor", "shape", "dtype", "float", "dict", "unknown"]) | texts
tensors = st.fixed_dictionaries(
    {
        "tensor": st.lists(leaves, max_size=4),
        "shape": st.lists(st.sampled_from([0, 1, 2, 4, -1, 2**62, 10**30, "a", 1.0]), max_size=70),
        "dtype": st.sampled_from(["float64", "float32", "int8", "bool", "complex64", "__name__"]),
    }
)
floats = st.fixed_dictionaries({"float": leaves})
data = st.recursive(
    leaves | tensors | floats,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
EXPECTED = (
    0.5,
    True,
    None,
    "text",
    torch.ones(2, 2),
    [1.0, 2.0],
    ["a", None, [1.0]],
    {"a": 1.0, "b": torch.zeros(2)},
)


@given(data)
def test_nothing_that_a_process_sends_raises(sent) -> None:
    answer = decode(sent)
    for expected in EXPECTED:
        wrong = difference(expected, answer)
        assert len(wrong.encode("utf8")) < 1000


def nested(depth: int, wrap) -> object:
    value: object = 1
    for _ in range(depth):
        value = wrap(value)
    return value


BOMBS = {
    "negative and huge sizes": {"tensor": [1.0], "shape": [-5, 10**30], "dtype": "float32"},
    "a size that PyTorch would guess": {"tensor": [1.0], "shape": [-1], "dtype": "float32"},
    "more dimensions than NumPy has": {"tensor": [], "shape": [0] * 100, "dtype": "bool"},
    "10 000 dimensions": {"tensor": [1.0], "shape": [1] * 10_000, "dtype": "float32"},
    "nothing, in a huge shape": [{"tensor": [], "shape": [0, 2**62], "dtype": "bool"}] * 100,
    "too few numbers": {"tensor": [1.0], "shape": [10**12], "dtype": "float32"},
    "a long text beside many short ones": ["x" * 20_000, *(["a"] * 5_000)],
    "a long text beside many numbers": ["x" * 20_000, *([1] * 5_000)],
    "lists in lists": nested(900, lambda value: [value]),
    "dicts in dicts": nested(900, lambda value: {"dict": {"a": value}}),
    "tensors in tensors": nested(
        900, lambda value: {"tensor": [value], "shape": [1], "dtype": "float32"}
    ),
    "huge whole numbers": [10**4000] * 100,
    "a whole number for a double": {"tensor": [10**400], "shape": [1], "dtype": "float64"},
    "many names": {"dict": {str(number): number for number in range(20_000)}},
    "keys of another kind": {"tensor": [1.0], "shape": [1], "dtype": [], "more": 1},
}


@pytest.mark.parametrize("sent", BOMBS.values(), ids=BOMBS.keys())
def test_a_small_message_takes_little_memory(sent) -> None:
    tracemalloc.start()
    try:
        for expected in EXPECTED:
            assert difference(expected, decode(sent)) != ""
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("change", [{"shape": [-1]}, {"dtype": "complex64"}, {"more": 1}])
def test_only_what_encode_writes_becomes_a_tensor(change) -> None:
    sent = encode(torch.ones(1))
    assert isinstance(decode(sent), torch.Tensor)
    assert isinstance(decode({**sent, **change}), Unknown)


def test_lists_end_at_some_depth() -> None:
    assert "too deep" in repr(decode(nested(DEEPEST + 1, lambda value: [value])))
    assert "too deep" not in repr(decode(nested(DEEPEST, lambda value: [value])))


@pytest.mark.parametrize(
    ("expected", "answer", "wrong"),
    [
        (1.0, 1.0 + 1e-9, ""),
        (1.0, torch.tensor(1.0), ""),
        (1.0, 1.1, "off by up to 0.1"),
        (1.0, torch.ones(1), "its shape is [1] and should be []"),
        ([1.0, 2.0], (1, 2), ""),
        ([[1.0], [2.0]], [torch.ones(1), np.full(1, 2.0)], ""),
        (math.nan, math.nan, ""),
        (1.0, math.nan, "some numbers are not finite, or should not be"),
        (math.inf, -math.inf, "some numbers are not finite, or should not be"),
        (1.0, None, "it is None and should be a number"),
        (None, 0.0, "it is 0.0 and should be None"),
        ("a", "b", "it is 'b' and should be 'a'"),
        (["a", 1.0], ["a", 2.0], "value 2: off by up to 1"),
        (["a", 1.0], ["a"], "it holds 1 values and should hold 2"),
        ({"a": 1.0}, {"a": 2.0}, "a: off by up to 1"),
        ({"a": 1.0}, [1.0], "it is [1.0] and should be a dict"),
        ([1.0, 2.0], ["x", torch.ones(3)], "it is ['x', a tensor [3]] and should be numbers of"),
        (1.0, 10**400, "it is a very large number and should be a number"),
    ],
)
def test_differences(expected, answer, wrong) -> None:
    found = difference(expected, answer)
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)
