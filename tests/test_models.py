"""The networks of the chapters against plain PyTorch."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from course_utils.models import BagOfWordsMLP, Dropout, ResidualMLP, mlp

WORDS, TEXTS, LENGTH = 30, 40, 6


def batch(seed: int = 0, texts: int = TEXTS) -> tuple[Tensor, Tensor, Tensor]:
    """ids, counts, and the dense counts they stand for, float64; text 0 is empty."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.stack([torch.randperm(WORDS, generator=g)[:LENGTH] for _ in range(texts)])
    counts = torch.randint(1, 4, ids.shape, generator=g).double()
    filled = torch.rand(ids.shape, generator=g) < 0.3
    filled[0] = True
    ids, counts = ids.masked_fill(filled, WORDS), counts.masked_fill(filled, 0)
    dense = torch.zeros(texts, WORDS + 1, dtype=torch.float64).scatter_add_(1, ids, counts)
    return ids, counts, dense[:, :WORDS]


def dense_twin(net: BagOfWordsMLP) -> nn.Sequential:
    twin = nn.Sequential(
        nn.Dropout(net.input_dropout.p),
        nn.Linear(WORDS, net.hidden.out_features),
        nn.ReLU(),
        nn.Dropout(net.hidden_dropout.p),
        nn.Linear(net.hidden.out_features, net.output.out_features),
    ).double()
    for theirs, mine in zip(twin.parameters(), net.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    return twin


def pair(**options: Any) -> tuple[BagOfWordsMLP, nn.Sequential]:
    torch.manual_seed(1)
    net = BagOfWordsMLP(WORDS, hidden=8, classes=3, **options).double()
    return net, dense_twin(net)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("mode", ["eval", "train without dropout"])
def test_equals_the_dense_network_with_gradients(mode: str) -> None:
    net, twin = pair(input_dropout=0.5, hidden_dropout=0.5) if mode == "eval" else pair()
    net.train(mode != "eval")
    twin.train(mode != "eval")
    ids, counts, dense = batch()
    close(net(ids, counts), twin(dense))
    net(ids, counts).square().sum().backward()
    twin(dense).square().sum().backward()
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        close(mine.grad, theirs.grad)


def test_equals_the_dense_network_with_the_same_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    net, twin = pair()
    ids, counts, dense = batch()
    masks = torch.bernoulli(torch.full((TEXTS, WORDS + 1), 0.5, dtype=torch.float64)) * 2
    monkeypatch.setattr(net.input_dropout, "forward", lambda x: x * masks.gather(1, ids))
    mine = net(ids, counts)
    close(mine, twin(dense * masks[:, :WORDS]))


def test_has_the_distribution_of_dense_dropout() -> None:
    """Mean and covariance of the hidden sum over 40000 masks, against the closed form."""
    net, _ = pair(input_dropout=0.3)
    ids, counts, dense = (x[11:12] for x in batch())
    many = 40_000
    net.output = nn.Identity()  # type: ignore[assignment]
    net.hidden.bias.data.fill_(100.0)  # so that ReLU does nothing
    with torch.no_grad():
        sums = net(ids.expand(many, -1), counts.expand(many, -1)) - 100.0
    weighted = net.hidden.weight.detach() * dense  # [H, V]
    covariance = 0.3 / 0.7 * weighted @ weighted.t()
    error = sums.mean(0) - weighted.sum(1)
    assert (error.abs() < 5 * (covariance.diagonal() / many).sqrt()).all()
    spread = covariance.diagonal().sqrt()
    assert ((sums.t().cov() - covariance).abs() < 0.03 * torch.outer(spread, spread)).all()
    values = sums.round(decimals=9).unique(dim=0)
    assert len(values) == 2 ** int((counts > 0).sum())  # one mask for each token, and no more


def test_each_text_has_its_own_mask() -> None:
    net, _ = pair(input_dropout=0.5)
    ids, counts, _ = (x[11:12].expand(50, -1) for x in batch())
    assert len(net(ids, counts).unique(dim=0)) > 10
    net.eval()
    assert len(net(ids, counts).unique(dim=0)) == 1


def test_hidden_dropout_is_applied_in_training_alone() -> None:
    net, _ = pair(hidden_dropout=1.0)
    ids, counts, _ = batch()
    close(net(ids, counts), net.output.bias.expand(TEXTS, -1))
    assert not torch.equal(net.eval()(ids, counts), net.output.bias.expand(TEXTS, -1))


def test_starts_where_the_dense_network_starts() -> None:
    torch.manual_seed(5)
    net = BagOfWordsMLP(1839)
    torch.manual_seed(5)
    twin = nn.Sequential(nn.Linear(1839, 16), nn.ReLU(), nn.Linear(16, 2))
    for mine, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_filling_adds_exactly_nothing() -> None:
    net, _ = pair()
    ids, counts, _ = batch()
    wide_ids = F.pad(ids, (0, 7), value=WORDS)
    assert torch.equal(net(ids, counts), net(wide_ids, F.pad(counts, (0, 7))))
    empty = net(ids[:1], counts[:1])
    close(empty, net.output(net.hidden.bias.relu())[None])
    close(net(ids[:1, :0], counts[:1, :0]), empty)


@pytest.mark.parametrize("own_batch", [True, False])
def test_gradients_under_vmap_are_those_of_single_networks(own_batch: bool) -> None:
    nets = [BagOfWordsMLP(WORDS, hidden=8).double().eval() for _ in range(3)]
    base = copy.deepcopy(nets[0])  # its rates serve all
    state, _ = stack_module_state(nets)  # type: ignore[arg-type]
    batches = [batch(seed if own_batch else 0)[:2] for seed in range(3)]
    labels = torch.arange(TEXTS) % 2

    def loss(parameters: dict[str, Tensor], ids: Tensor, counts: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(base, parameters, (ids, counts)), labels)

    ids, counts = (torch.stack(x) for x in zip(*batches, strict=True))
    where = 0 if own_batch else None
    inputs = (ids, counts) if own_batch else batches[0]
    together = vmap(grad(loss), in_dims=(0, where, where))(state, *inputs)
    for i, net in enumerate(nets):
        F.cross_entropy(net(*batches[i]), labels).backward()
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None
            close(together[name][i], parameter.grad)


def test_masks_differ_between_networks_under_vmap() -> None:
    nets = [BagOfWordsMLP(WORDS, input_dropout=0.5) for _ in range(4)]
    for net in nets[1:]:
        net.load_state_dict(nets[0].state_dict())
    base = copy.deepcopy(nets[0])
    state, _ = stack_module_state(nets)  # type: ignore[arg-type]
    ids, counts = batch()[0], batch()[1].float()
    logits = vmap(lambda p: functional_call(base, p, (ids, counts)), randomness="different")(state)
    assert len(logits.unique(dim=0)) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size must be at least 1, got 0"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"classes": 0}, "classes must be at least 1"),
        ({"input_dropout": -0.1}, r"p must lie in \[0, 1\], got -0.1"),
        ({"hidden_dropout": 1.1}, "p must lie in"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BagOfWordsMLP(**{"vocabulary_size": WORDS, **options})


def test_bad_inputs() -> None:
    net = BagOfWordsMLP(WORDS)
    with pytest.raises(ValueError, match=r"one shape \[N, L\], got \(2, 3\) and \(2, 4\)"):
        net(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 4))
    for wrong in (-1, WORDS):
        with pytest.raises(IndexError, match=f"as columns of weight, got {wrong}"):
            net(torch.full((2, 3), wrong), torch.ones(2, 3))


@pytest.mark.parametrize("p", [0.0, 0.3, 0.8, 1.0])
def test_dropout_is_that_of_torch(p: float) -> None:
    x = torch.ones(400, 500, dtype=torch.float64, requires_grad=True)
    ours, theirs = Dropout(p), nn.Dropout(p)
    y = ours(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y), "the gradient has the mask of the output"
    torch.testing.assert_close(
        y.detach().unique(), theirs(x).detach().unique()
    )  # 0 and 1 / (1 - p)
    kept = (y != 0).double()
    assert abs(kept.mean().item() - (1 - p)) < 4 * (p * (1 - p) / x.numel()) ** 0.5 + 1e-12
    assert ours.eval()(x) is x


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.05, 0.8, 1.0])
def test_dropout_keeps_its_rate_below_float32(dtype: torch.dtype, p: float) -> None:
    x = torch.ones(2000, 2000, dtype=dtype, requires_grad=True)
    layer = Dropout(p).to(dtype)
    assert layer.p.dtype == torch.float32
    y = layer(x)
    assert y.dtype == dtype
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y)
    rate = (y == 0).double().mean().item()
    assert abs(rate - p) < 4 * (p * (1 - p) / x.numel()) ** 0.5 + 1e-12
    scale = 0 if p == 1 else 1 / (1 - p)
    torch.testing.assert_close(y.detach().max(), torch.tensor(scale, dtype=dtype))


def test_dropout_below_float32_under_vmap() -> None:
    x, rates = torch.ones(100_000, dtype=torch.float16), torch.tensor([0.0, 0.3, 1.0])
    layer = Dropout()
    y = vmap(lambda p: functional_call(layer, {"p": p}, (x,)), randomness="different")(rates)
    assert y.dtype == torch.float16
    torch.testing.assert_close((y == 0).double().mean(1).float(), rates, atol=0.01, rtol=0)
    torch.testing.assert_close(y.max(1).values, torch.tensor([1, 1 / 0.7, 0]).half())


def test_dropout_prints_its_rate() -> None:
    assert repr(Dropout(0.3).half()) == "Dropout(p=0.3)"


def test_networks_of_different_rates_train_as_one_ensemble() -> None:
    from functools import partial

    from course_utils.ensemble import train

    ids, counts, *_ = batch()
    labels = torch.arange(TEXTS) % 2
    rates = [0.0, 1.0]
    nets = [BagOfWordsMLP(WORDS, input_dropout=p).double() for p in rates]
    before = [net.hidden.weight.detach().clone() for net in nets]
    sgd = partial(torch.optim.SGD, lr=0.1)
    train(nets, ((ids, counts), labels), seeds=[0], optimizer=[sgd, sgd], steps=3, batch_size=5)
    moved = [not torch.equal(a, n.hidden.weight) for a, n in zip(before, nets, strict=True)]
    assert moved == [True, False], "with p = 1 no input arrives, so its weights stay"


def test_mlp_has_an_activation_between_layers_only() -> None:
    network = mlp(3, 5, 4, 2, activation=nn.Tanh)
    assert [type(layer) for layer in network] == [nn.Linear, nn.Tanh] * 2 + [nn.Linear]
    assert [p.shape[0] for p in network.parameters()] == [5, 5, 4, 4, 2, 2]
    assert [type(layer) for layer in mlp(3, 2)] == [nn.Linear]


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0, 2)])
def test_mlp_refuses_impossible_sizes(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"sizes must be at least two numbers of at least 1"):
        mlp(*sizes)


def residual_pair() -> list[ResidualMLP]:
    nets = []
    for skip in (False, True):
        torch.manual_seed(0)
        nets.append(ResidualMLP(6, 5, 3, 2, skip=skip).double())
    return nets


def test_one_seed_gives_both_residual_networks_the_same_parameters() -> None:
    plain, skip = (net.state_dict() for net in residual_pair())
    assert plain.keys() == skip.keys()
    assert all(torch.equal(plain[name], skip[name]) for name in plain)


def test_without_skip_it_is_an_mlp() -> None:
    plain = residual_pair()[0]
    twin = mlp(6, *[5] * 4, 2).double()
    for theirs, mine in zip(twin.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    x = torch.randn(7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    close(plain(x), twin(x))


def test_with_skip_each_block_adds_to_its_input() -> None:
    skip = residual_pair()[1]
    u = torch.randn(7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = (u @ skip.input.weight.T + skip.input.bias).clamp(min=0)
    for layer in skip.hidden:
        x = x + (x @ layer.weight.T + layer.bias).clamp(min=0) / math.sqrt(3)
    close(skip(u), x @ skip.output.weight.T + skip.output.bias)


def test_hidden_units_start_by_the_rule_of_he() -> None:
    torch.manual_seed(0)
    net = ResidualMLP(100, 200, 2, 3, skip=True)
    for layer, inputs in ((net.input, 100), (net.hidden[0], 200), (net.hidden[1], 200)):
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.03)
        assert not layer.bias.any()
    assert net.output.weight.abs().max() <= 200**-0.5, "the output starts as nn.Linear does"
    assert net.output.bias.any()


@pytest.mark.parametrize("name", ["inputs", "width", "depth", "outputs"])
def test_residual_mlp_refuses_sizes_below_1(name: str) -> None:
    sizes = {"inputs": 3, "width": 3, "depth": 3, "outputs": 3}
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        ResidualMLP(**{**sizes, name: 0}, skip=True)
