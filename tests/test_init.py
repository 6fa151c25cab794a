"""Initializations against `torch.nn.init` and what they promise."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import init
from course_utils import nn as ours

SHAPES = [(300, 200), (200, 300), (64, 32, 3, 3), (8, 4, 5), (400, 400)]
RULES: list[tuple[str, dict[str, Any]]] = [
    ("xavier_uniform_", {}), ("xavier_uniform_", {"gain": 5 / 3}), ("xavier_normal_", {}),
    ("xavier_normal_", {"gain": 0.3}),
    *(
        (f"kaiming_{kind}_", {"mode": mode, "nonlinearity": f, "a": a})
        for kind in ("uniform", "normal") for mode in ("fan_in", "fan_out")
        for f, a in [("relu", 0), ("leaky_relu", 0.0), ("leaky_relu", math.sqrt(5)), ("tanh", 0)]
    ),
]  # fmt: skip
rules = pytest.mark.parametrize(
    ("name", "options"), [*RULES, ("orthogonal_", {}), ("orthogonal_", {"gain": 2.0})]
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def expected_std(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> float:
    """From the papers, not from the code."""
    kernel = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * kernel, shape[0] * kernel
    if name.startswith("xavier"):
        return options.get("gain", 1) * math.sqrt(2 / (fan_in + fan_out))
    fan = fan_in if options["mode"] == "fan_in" else fan_out
    square = {"relu": 2, "leaky_relu": 2 / (1 + options["a"] ** 2), "tanh": 25 / 9}
    return math.sqrt(square[options["nonlinearity"]] / fan)


@rules
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_are_those_of_torch(name: str, options: dict, shape: tuple, dtype: Any) -> None:
    mine, theirs = torch.empty(shape, dtype=dtype), torch.empty(shape, dtype=dtype)
    g, h = seeded(), seeded()
    returned = getattr(init, name)(mine, **options, generator=g)
    getattr(nn.init, name)(theirs, **options, generator=h)
    assert torch.equal(mine, theirs)
    assert returned is mine
    assert torch.equal(g.get_state(), h.get_state())


@rules
def test_without_generator_the_global_state_is_used(name: str, options: dict) -> None:
    mine, theirs = nn.Parameter(torch.empty(6, 5)), nn.Parameter(torch.empty(6, 5))
    torch.manual_seed(3)
    getattr(init, name)(mine, **options)
    torch.manual_seed(3)
    getattr(nn.init, name)(theirs, **options)
    assert torch.equal(mine, theirs)
    assert mine.requires_grad
    assert mine.grad_fn is None


@pytest.mark.parametrize(("name", "options"), RULES)
@pytest.mark.parametrize("shape", [s for s in SHAPES if math.prod(s) > 1000])
def test_bounds_and_variance(name: str, options: dict, shape: tuple) -> None:
    w = getattr(init, name)(torch.empty(shape, dtype=torch.float64), **options, generator=seeded(1))
    std = expected_std(name, options, shape)
    # Var of a sample variance: (kurtosis - 1) sigma^4 / n, kurtosis 9/5 (uniform) or 3 (normal).
    kurtosis = 1.8 if "uniform" in name else 3.0
    standard_error = std**2 * math.sqrt((kurtosis - 1) / w.numel())
    assert abs(w.square().mean().item() - std**2) < 4 * standard_error
    assert abs(w.mean().item()) < 4 * std / math.sqrt(w.numel())
    largest = w.abs().max().item()
    if "uniform" in name:
        assert 0.99 * math.sqrt(3) * std < largest <= math.sqrt(3) * std
    else:
        assert largest > 2.5 * std


@pytest.mark.parametrize(
    "shape", [(5, 9), (9, 5), (7, 7), (4, 3, 3, 3), (40, 3, 3, 3), (1, 6), (6, 1)]
)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns(shape: tuple, gain: float) -> None:
    w = init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain, seeded()).flatten(1) / gain
    rows, columns = w.shape
    product = w @ w.T if rows <= columns else w.T @ w
    eye = torch.eye(min(rows, columns), dtype=torch.float64)
    torch.testing.assert_close(product, eye, atol=1e-12, rtol=0)


def test_orthogonal_matrices_are_equally_likely() -> None:
    """For uniform Q, q_11^2 has the mean 1/n and E q_11 = 0; plain QR gives q_11 one sign."""
    g, n = seeded(), 4
    first = torch.stack(
        [init.orthogonal_(torch.empty(n, n), generator=g)[0, 0] for _ in range(800)]
    )
    assert abs(first.mean().item()) < 4 * math.sqrt(1 / n / 800)
    assert abs(first.square().mean().item() - 1 / n) < 4 * math.sqrt(2 / n**2 / 800)


def error_of(work: Callable[[], object]) -> tuple[type, str]:
    with pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
        work()
    return caught.type, str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("xavier_uniform_", (3,), {}), ("xavier_normal_", (), {}), ("kaiming_uniform_", (3,), {}),
        ("kaiming_normal_", (3,), {}), ("orthogonal_", (3,), {}), ("orthogonal_", (), {}),
        ("kaiming_normal_", (3, 3), {"nonlinearity": "swish"}),
        ("kaiming_uniform_", (3, 3), {"mode": "fan_avg"}),
        ("kaiming_uniform_", (3, 3), {"mode": "FAN_MAX"}),
        ("kaiming_uniform_", (3, 3), {"a": "0"}), ("kaiming_normal_", (3, 3), {"a": True}),
    ],
)  # fmt: skip
def test_errors_are_those_of_torch(name: str, shape: tuple, options: dict) -> None:
    mine = error_of(lambda: getattr(init, name)(torch.empty(shape), **options))
    assert mine == error_of(lambda: getattr(nn.init, name)(torch.empty(shape), **options))
    assert mine[0] is ValueError


def test_mode_in_capitals_as_in_torch() -> None:
    mine, theirs = torch.empty(4, 5), torch.empty(4, 5)
    init.kaiming_normal_(mine, mode="FAN_OUT", generator=seeded())  # type: ignore[arg-type]
    nn.init.kaiming_normal_(theirs, mode="FAN_OUT", generator=seeded())  # type: ignore[arg-type]
    assert torch.equal(mine, theirs)


@pytest.mark.parametrize("name", ["kaiming_uniform_", "kaiming_normal_"])
def test_no_numbers_to_draw_is_a_warning(name: str) -> None:
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        getattr(init, name)(torch.empty(0, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        init.orthogonal_(torch.empty(0, 3))


def test_gains_are_those_of_torch() -> None:
    names = "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d sigmoid"
    for name in [*names.split(), "tanh", "relu", "selu", "leaky_relu"]:
        assert init.calculate_gain(name) == nn.init.calculate_gain(name)
        assert init.calculate_gain(name, 0.3) == nn.init.calculate_gain(name, 0.3)
    for arguments in (("swish",), ("leaky_relu", "x"), ("leaky_relu", True)):
        mine = error_of(lambda a=arguments: init.calculate_gain(*a))
        assert mine == error_of(lambda a=arguments: nn.init.calculate_gain(*a))


class Branches(nn.Module):
    """Layers defined in another order than used, one used twice, one not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(12, 3)
        self.unused = nn.Linear(2, 2)
        self.twice = nn.Linear(12, 12)
        self.first = nn.Linear(5, 12)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        x = torch.relu(self.first(x * scale))
        x = x + torch.relu(self.twice(x))
        x = x + torch.relu(self.twice(x))
        return self.last(x)


def images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3),
        nn.Conv2d(8, 6, 3, bias=False), nn.Tanh(), nn.Flatten(),
        nn.Linear(24, 10), ours.ReLU(), nn.Linear(10, 4),
    )  # fmt: skip


def deep() -> nn.Module:
    layers = [layer for _ in range(10) for layer in (nn.Linear(30, 30), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(30, 2))


CASES: list[tuple[Callable[[], nn.Module], tuple[Tensor, ...]]] = [
    (images, (torch.randn(50, 1, 6, 6, generator=seeded()) * 4 + 2,)),
    (deep, (torch.randn(80, 30, generator=seeded()) * 0.01,)),
    (Branches, (torch.randn(60, 5, generator=seeded()), torch.tensor(7.0))),
    (lambda: nn.Conv1d(3, 5, 2), (torch.randn(9, 3, 7, generator=seeded()),)),
]


def stds(model: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, float]:
    """Standard deviation of the outputs of each layer, in its first call."""
    found: dict[str, float] = {}
    hooks = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):

            def note(_: Any, __: Any, y: Tensor, name: str = name) -> None:
                found.setdefault(name, y.std(correction=0).item())

            hooks.append(layer.register_forward_hook(note))
    model(*inputs)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("make", "inputs"), CASES)
@pytest.mark.parametrize("training", [True, False])
def test_lsuv_gives_every_layer_unit_variance(make: Any, inputs: Any, training: bool) -> None:
    torch.manual_seed(1)
    model = make().train(training)
    assert init.lsuv_(model, inputs if len(inputs) > 1 else inputs[0], seeded(5)) is model
    if training and make is images:
        return  # with the masks that dropout drew, in the next test
    for name, std in stds(model, inputs).items():
        assert abs(std - 1) < 0.01, name


def test_lsuv_with_dropout_and_batch_norm_in_training_mode() -> None:
    model = images().train()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    init.lsuv_(model, CASES[0][1][0], seeded())
    torch.set_rng_state(state)  # the same masks
    assert all(abs(std - 1) < 0.01 for std in stds(model, CASES[0][1]).values())


@pytest.mark.parametrize(("make", "inputs"), CASES)
def test_lsuv_weights_are_scaled_orthogonal_ones_and_biases_zero(make: Any, inputs: Any) -> None:
    model = init.lsuv_(make(), inputs)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            w = module.weight.detach().double().flatten(1)
            w = w if w.shape[0] <= w.shape[1] else w.T
            square = w @ w.T
            scale = square.diagonal().mean()
            torch.testing.assert_close(
                square / scale, torch.eye(len(w)).double(), atol=1e-5, rtol=0
            )
            assert module.bias is None or not module.bias.any()
            assert module.weight.requires_grad
            assert module.weight.grad_fn is None


@pytest.mark.parametrize(("make", "inputs"), CASES)
@pytest.mark.parametrize("training", [True, False])
def test_lsuv_leaves_the_rest_as_found(make: Any, inputs: Any, training: bool) -> None:
    model = make().train(training)
    for buffer in model.buffers():
        buffer.fill_(3)
    buffers = {name: (id(b), b.clone()) for name, b in model.named_buffers()}
    given = [x.clone() for x in inputs]
    torch.manual_seed(9)
    before = torch.get_rng_state()
    init.lsuv_(model, inputs, seeded())
    assert torch.equal(torch.get_rng_state(), before)
    assert all(m.training is training for m in model.modules())
    for name, buffer in model.named_buffers():
        assert id(buffer) == buffers[name][0]
        assert torch.equal(buffer, buffers[name][1])
    assert not any(m._forward_hooks for m in model.modules())
    assert all(map(torch.equal, given, inputs))
    assert torch.is_grad_enabled()


def test_lsuv_draws_what_orthogonal_draws_and_no_more() -> None:
    torch.manual_seed(4)
    x = torch.randn(20, 4, generator=seeded())
    model = init.lsuv_(nn.Sequential(nn.Dropout(), nn.Linear(4, 3)), x)
    after = torch.get_rng_state()
    torch.manual_seed(4)
    nn.Linear(4, 3)
    q = init.orthogonal_(torch.empty(3, 4))
    assert torch.equal(torch.get_rng_state(), after), "the mask of dropout leaves no trace"
    ratio = model[1].weight.detach() / q
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))


def test_lsuv_is_repeatable_with_a_generator() -> None:
    first, second = (init.lsuv_(deep(), CASES[1][1], seeded(2)) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_lsuv_refuses_what_it_cannot_scale() -> None:
    with pytest.raises(ValueError, match="model must call a Linear or Conv layer"):
        init.lsuv_(nn.ReLU(), torch.ones(2, 2))
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="inputs must give outputs that differ"):
        init.lsuv_(model, torch.zeros(4, 3))
    assert not model[0]._forward_hooks, "hooks are gone after an error, too"


@pytest.mark.parametrize("counts", [[70, 20, 10], [0.7, 0.2, 0.1], torch.tensor([7, 2, 1])])
def test_prior_bias_starts_at_the_entropy_of_the_classes(counts: Any) -> None:
    layer = nn.Linear(5, 3).double()
    weight = layer.weight.detach().clone()
    assert init.prior_bias_(layer, counts) is layer
    assert torch.equal(layer.weight, weight)
    targets = torch.tensor([0] * 7 + [1] * 2 + [2])
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    entropy = -(p * p.log()).sum().item()
    logits = layer(torch.zeros(10, 5, dtype=torch.float64))
    assert F.cross_entropy(logits, targets).item() == pytest.approx(entropy, abs=1e-12)
    torch.testing.assert_close(logits[0].softmax(0).detach(), p, atol=1e-12, rtol=0)
    assert layer.bias.requires_grad
    other = copy.deepcopy(layer)
    assert init.prior_bias_(other, [1, 1, 1]).bias.unique().item() == pytest.approx(-math.log(3))


@pytest.mark.parametrize(
    ("layer", "counts", "message"),
    [
        (nn.Linear(5, 3), [1, 2], "class_counts must be one for each of 3 outputs"),
        (nn.Linear(5, 3), [1, 0, 2], "class_counts must be positive and finite"),
        (nn.Linear(5, 3), [1, -1, 2], "class_counts must be positive and finite"),
        (nn.Linear(5, 2), [1, float("inf")], "class_counts must be positive and finite"),
        (nn.Linear(5, 2), [1, float("nan")], "class_counts must be positive and finite"),
        (nn.Linear(5, 3, bias=False), [1, 2, 3], "layer must have a bias"),
        (nn.ReLU(), [1, 2], "layer must have a bias"),
    ],
)
def test_prior_bias_refuses(layer: nn.Module, counts: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        init.prior_bias_(layer, counts)
