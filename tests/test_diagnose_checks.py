"""Each check finds its mistakes, and passes healthy scripts of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diagnose_cases import alarms, batches, blobs, found, script
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ExponentialLR

from course_utils.diagnose import diagnose
from course_utils.models import mlp

X, Y = blobs()
VX, VY = blobs(seed=1)
Change = dict[str, Any]


def data(x: Tensor = X, y: Tensor = Y) -> Change:
    return {"train_batches": batches(x, y)}


def model(*layers: nn.Module, **options: Any) -> Change:
    net = nn.Sequential(*layers)
    return {"model": net, **options}


def dead() -> nn.Module:
    net = mlp(6, 16, 3)
    nn.init.constant_(net[0].bias, -50.0)
    return net


def constant_weights() -> nn.Module:
    net = mlp(6, 16, 3)
    nn.init.constant_(net[0].weight, 0.1)
    nn.init.constant_(net[0].bias, 0.1)
    return net


def saturated() -> nn.Module:
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    nn.init.normal_(net[0].weight, std=30)
    return net


def deep_and_small() -> Change:
    net = mlp(6, *[16] * 5, 3)
    for layer in net[2:10:2]:
        nn.init.normal_(layer.weight, std=1e-3)
    return {"model": net, "optimizer": SGD(net.parameters(), lr=0.1)}


def only_biases() -> nn.Module:
    net = mlp(6, 16, 3)
    for p in list(net.parameters())[:-1]:
        p.requires_grad_(False)
    return net


def lagging() -> nn.Module:
    net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16, momentum=1e-4), mlp(16, 16, 3))
    nn.init.constant_(net[0].bias, 20.0)
    return net


def large_start() -> nn.Module:
    net = mlp(6, 16, 3)
    nn.init.normal_(net[2].weight, std=20)
    return net


class Body(nn.Module):
    """A network that does something to its inputs or features."""

    def __init__(self, change: Callable[[Tensor], Tensor], inner: bool = False) -> None:
        super().__init__()
        self.first, self.last = mlp(6, 16), mlp(16, 3)
        self.change, self.inner = change, inner
        self.unused = nn.Linear(2, 2) if change is F.relu else None
        self.hidden = [nn.Linear(16, 16)] if change is F.tanh else []

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.inner else self.change(x)
        h = F.relu(self.first(x))
        h = self.change(h) if self.inner else h
        for layer in self.hidden:
            h = h + layer(h)
        out: Tensor = self.last(h)
        return out


def overlapping() -> Tensor:
    """Labels of which a fifth is of another class: no weights, however large, get them all."""
    return torch.where(torch.arange(240) % 5 == 0, (Y + 1) % 3, Y)


def with_nan() -> Tensor:
    x = X.clone()
    x[5, 2] = torch.nan
    return x


def stepping(kind: str) -> Change:
    net = mlp(6, 16, 3)
    optimizer = SGD(net.parameters(), lr=0.1)
    schedule = ExponentialLR(optimizer, 0.5)
    first = batches(X, Y)[0]

    def step(net: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        x, y = first if kind == "one batch" else batch
        if kind == "eval":
            net.eval()
        if kind != "no zero_grad":
            optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        if kind == "sign":
            loss = -loss
        if kind == "detached":
            loss = loss.detach().requires_grad_()
        loss.backward()
        if kind == "late zero_grad":
            optimizer.zero_grad()
        if kind == "part":
            net[0].weight.grad = None
        if kind != "no step":
            optimizer.step()
        if kind == "schedule":
            schedule.step()
        if kind == "reset":
            with torch.no_grad():
                for p in net.parameters():
                    p.copy_(0.1 * torch.randn_like(p))
        return loss.detach()

    if kind == "eval":
        net.append(nn.BatchNorm1d(3))
    return {"model": net, "optimizer": optimizer, "step": step}


def binary(**changes: Any) -> Change:
    y = (Y > 0).float()[:, None]
    loss = nn.BCEWithLogitsLoss()
    given = {"train_batches": batches(X, y), "val_batches": None, "model": mlp(6, 16, 1)}
    return given | {"loss_fn": loss} | changes


def regression(**changes: Any) -> Change:
    y = X[:, :1] * X[:, 1:2] + X[:, 2:3]
    given = {"train_batches": batches(X, y), "val_batches": None, "model": mlp(6, 16, 1)}
    return given | {"loss_fn": F.mse_loss} | changes


def optimized(make: Callable[..., torch.optim.Optimizer], **options: Any) -> Change:
    net = mlp(6, 16, 3)
    return {"model": net, "optimizer": make(net.parameters(), **options)}


def of_another() -> Change:
    return {"model": mlp(6, 16, 3), "optimizer": Adam(mlp(6, 16, 3).parameters())}


def replaced_head() -> Change:
    change = optimized(Adam, lr=1e-2)
    change["model"][2] = nn.Linear(16, 3)
    return change


BROKEN: dict[str, tuple[str, Callable[[], Change]]] = {
    "nan": ("inputs", lambda: data(with_nan())),
    "equal rows": ("inputs", lambda: data(X[:1].expand_as(X))),
    "large inputs": ("inputs", lambda: data(200 * X)),
    "offset": ("inputs", lambda: data(X / 100 + 5)),
    "half empty": ("inputs", lambda: data(torch.cat([X[:, :2], 0 * X[:, :4]], 1))),
    "labels from 1": ("labels", lambda: data(X, Y + 1)),
    "one label": ("labels", lambda: data(X, 0 * Y)),
    "sorted": ("labels", lambda: data(X[Y.argsort()], Y.sort().values)),
    "label among inputs": ("labels", lambda: data(torch.cat([Y[:, None], X[:, 1:]], 1))),
    "nan labels": ("labels", lambda: regression(train_batches=batches(X, X[:, :1] * torch.nan))),
    "leak": ("splits", lambda: {"val_batches": batches(X[:100], Y[:100])}),
    "other scale": ("splits", lambda: {"val_batches": batches(3 * VX + 1, VY)}),
    "other spread": ("splits", lambda: {"val_batches": batches(3 * VX - 2 * VX.mean(0), VY)}),
    "exploding": (
        "splits",
        lambda: {"val_batches": batches(VX * (1 + 1e4 * (torch.arange(240) == 3))[:, None], VY)},
    ),
    "nan in val": ("splits", lambda: {"val_batches": batches(with_nan(), Y)}),
    "other classes": ("splits", lambda: {"val_batches": batches(VX[VY > 0], VY[VY > 0])}),
    "other codes": ("splits", lambda: {"val_batches": batches(VX, (VY + 1) % 3)}),
    "mislabelled": (
        "splits",
        lambda: data(X, torch.where(torch.arange(240) % 4 == 0, (Y + 1) % 3, Y)),
    ),
    "shuffled labels": ("shuffled_input", lambda: data(X, Y[torch.randperm(240)])),
    "large start": ("initial_loss", lambda: {"model": large_start()}),
    "infinite loss": (
        "initial_loss",
        lambda: {"loss_fn": lambda z, y: F.cross_entropy(z, y) + torch.tensor(torch.inf)},
    ),
    "sign": ("loss", lambda: {"loss_fn": lambda z, y: -F.cross_entropy(z, y)}),
    "sign of mse": ("loss", lambda: regression(loss_fn=lambda z, y: -F.mse_loss(z, y))),
    "pairs": (
        "loss",
        lambda: regression(train_batches=batches(X, X[:, 0]), model=mlp(6, 16, 1)),
    ),
    "softmax": ("softmax_before_loss", lambda: model(mlp(6, 16, 3), nn.Softmax(1))),
    "sigmoid": ("softmax_before_loss", lambda: model(mlp(6, 16, 3), nn.Sigmoid())),
    "relu": ("softmax_before_loss", lambda: model(mlp(6, 16, 3), nn.ReLU())),
    "nll of logits": ("softmax_before_loss", lambda: {"loss_fn": F.nll_loss}),
    "nll of probabilities": (
        "softmax_before_loss",
        lambda: model(mlp(6, 16, 3), nn.Softmax(1), loss_fn=F.nll_loss),
    ),
    "sigmoid twice": (
        "softmax_before_loss",
        lambda: binary(model=nn.Sequential(mlp(6, 16, 1), nn.Sigmoid())),
    ),
    "relu of numbers": (
        "softmax_before_loss",
        lambda: regression(model=nn.Sequential(mlp(6, 16, 1), nn.ReLU())),
    ),
    "no gradient": (
        "parameters",
        lambda: {"loss_fn": lambda z, y: F.cross_entropy(z.detach(), y).requires_grad_()},
    ),
    "no parameters": ("parameters", lambda: model(nn.Flatten(), optimizer=None)),
    "unused layer": ("parameters", lambda: {"model": Body(F.relu)}),
    "layer in a list": ("parameters", lambda: {"model": Body(F.tanh)}),
    "detached features": ("parameters", lambda: {"model": Body(Tensor.detach, inner=True)}),
    "another model's optimizer": ("parameters", of_another),
    "replaced head": ("parameters", replaced_head),
    "dead": ("activations", lambda: {"model": dead()}),
    "saturated": ("activations", lambda: {"model": saturated()}),
    "equal units": ("activations", lambda: {"model": constant_weights()}),
    "linear": ("activations", lambda: {"model": mlp(6, 16, 3, activation=nn.Identity)}),
    "mixed rows": ("independence", lambda: {"model": Body(lambda x: x.T.reshape(x.shape))}),
    "batch norm over rows": (
        "independence",
        lambda: {"model": Body(lambda x: x - x.mean(0) if len(x) else x)},
    ),
    "zero inputs": ("zero_input", lambda: {"model": Body(lambda x: 0 * x)}),
    "zero gradient": ("gradients", lambda: {"model": Body(lambda h: 0 * h, inner=True)}),
    "vanishing": ("gradients", lambda: deep_and_small()),
    "no step": ("updates", lambda: stepping("no step")),
    "rate zero": ("updates", lambda: optimized(SGD, lr=0.0)),
    "maximize": ("updates", lambda: optimized(SGD, lr=0.01, maximize=True)),
    "no zero_grad": ("zero_grad", lambda: stepping("no zero_grad")),
    "late zero_grad": ("zero_grad", lambda: stepping("late zero_grad")),
    "detached loss": ("zero_grad", lambda: stepping("detached")),
    "sign in the step": ("zero_grad", lambda: stepping("sign")),
    "one batch again": ("zero_grad", lambda: stepping("one batch")),
    "a part of the gradient": ("zero_grad", lambda: stepping("part")),
    "evaluation mode": ("train_eval", lambda: stepping("eval")),
    "dropout in evaluation": ("train_eval", lambda: {"model": Body(F.dropout, inner=True)}),
    "momentum of batch norm": (
        "train_eval",
        lambda: {"model": lagging()},
    ),
    "only biases": ("one_batch", lambda: {"model": only_biases()}),
    "nothing learned": ("baselines", lambda: {"model": dead()}),
    "rising": ("baselines", lambda: optimized(SGD, lr=0.01, maximize=True)),
    "rate large": ("learning_rate", lambda: optimized(Adam, lr=10.0) | data(X, overlapping())),
    "rate small": ("learning_rate", lambda: optimized(Adam, lr=1e-7)),
    "betas exchanged": ("learning_rate", lambda: optimized(Adam, lr=1e-2, betas=(0.999, 0.9))),
    "decay": ("learning_rate", lambda: optimized(Adam, lr=1e-2, weight_decay=2.0)),
    "dropout": (
        "learning_rate",
        lambda: model(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.98), nn.Linear(16, 3)),
    ),
    "schedule of epochs": ("learning_rate", lambda: stepping("schedule")),
    "reset in the step": ("learning_rate", lambda: stepping("reset")),
    "unseeded": ("reproducibility", lambda: {"build": unseeded}),
}


def unseeded() -> tuple[nn.Module, torch.optim.Optimizer]:
    net = mlp(6, 16, 3)
    with torch.no_grad():
        net[0].weight.normal_(generator=torch.Generator().manual_seed(next(numbers)))
    return net, SGD(net.parameters(), lr=0.1)


numbers = iter(range(1000))


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_found(name: str) -> None:
    check, change = BROKEN[name]
    torch.manual_seed(1)
    assert check in alarms(**change(), only=[check])


class Recurrent(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=batch_first)
        self.output = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.gru(x[..., None] if x.dim() == 2 else x)[1][0])
        return out


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 16)
        self.place = nn.Parameter(torch.randn(6, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.output = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.layer(self.embed(x[..., None]) + self.place).mean(1))
        return out


class Tagger(nn.Module):
    """Time first, a label for each token, embedding and output tied."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 16)
        self.lstm = nn.LSTM(16, 16)
        self.output = nn.Linear(16, 12)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.output.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.output(self.lstm(self.embed(ids))[0])
        return out


def tagging() -> Change:
    ids = torch.randint(12, (10, 8, 20))
    train = [(x, (x + 1) % 12) for x in ids]
    loss = lambda z, y: F.cross_entropy(z.reshape(-1, 12), y.reshape(-1))  # noqa: E731
    return {"model": Tagger(), "train_batches": train, "val_batches": None, "loss_fn": loss}


def accumulating() -> Change:
    net = mlp(6, 16, 3)
    calls = 0

    def step(net: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> float:
        nonlocal calls
        loss = F.cross_entropy(net(batch[0]), batch[1])
        (loss / 2).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        calls += 1
        if calls % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.item()

    return {"model": net, "optimizer": Adam(net.parameters(), lr=1e-2), "step": step}


def norm(layer: type[nn.Module]) -> Change:
    return model(nn.Linear(6, 16), layer(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))


def zero_head() -> nn.Module:
    net = mlp(6, 16, 3)
    nn.init.zeros_(net[2].weight)
    nn.init.zeros_(net[2].bias)
    return net


def frozen() -> nn.Module:
    net = mlp(6, 16, 16, 3)
    net[0].requires_grad_(False)
    return net


def xor() -> Change:
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    net = mlp(2, 8, 2, activation=nn.Tanh)
    return {"model": net, "train_batches": [(x, torch.tensor([0, 1, 1, 0]))], "val_batches": None}


def with_time_first() -> Change:
    train = [(x.T[..., None], y) for x, y in batches(X, Y, 6)]
    return {"model": Recurrent(batch_first=False), "train_batches": train, "val_batches": None}


def images() -> Change:
    x = F.pad(X, (0, 3)).view(-1, 1, 3, 3)
    first = [nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    net = nn.Sequential(*first, nn.Flatten(), nn.Linear(72, 3))
    return {"model": net, "train_batches": batches(x, Y), "val_batches": None}


def trained() -> Change:
    net = mlp(6, 16, 3)
    optimizer = Adam(net.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()
    return {"model": net, "optimizer": optimizer}


def imbalanced() -> Change:
    y = (X[:, 0] > X[:, 0].quantile(0.95)).float()
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(19.0))
    net = nn.Sequential(mlp(6, 16, 1), nn.Flatten(0))
    return {"model": net, "train_batches": batches(X, y), "val_batches": None, "loss_fn": loss}


def quantized() -> Change:
    ids = torch.bucketize(X, torch.tensor([-1.0, 0.0, 1.0]))
    net = nn.Sequential(nn.Embedding(4, 8), nn.Flatten(), mlp(48, 16, 3))
    return {"model": net, "train_batches": batches(ids, Y), "val_batches": None}


def closure_optimizer() -> Change:
    net = nn.Linear(6, 3)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=4)
    return {"model": net, "optimizer": optimizer, "train_batches": [(X, Y)]}


def oversampled() -> Change:
    """Train is balanced by repeating rows of the rare classes, val is as it comes."""
    rare = torch.cat(
        [torch.where(Y == 0)[0], torch.where(Y == 1)[0][:20], torch.where(Y == 2)[0][:20]]
    )
    repeated = torch.cat([rare, rare[80:].repeat(3)])
    order = repeated[torch.randperm(len(repeated))]
    keep = torch.cat([torch.where(VY == 0)[0], torch.where(VY > 0)[0][:10]])
    return data(X[order], Y[order]) | {"val_batches": batches(VX[keep], VY[keep])}


HEALTHY: dict[str, Callable[[], Change]] = {
    "oversampled": oversampled,
    "mlp": dict,
    "cnn": images,
    "gru": lambda: {"model": Recurrent(batch_first=True)},
    "time first": with_time_first,
    "lstm, tied, tokens": tagging,
    "attention": lambda: {"model": Attention()},
    "batch norm, dropout": lambda: norm(nn.BatchNorm1d),
    "layer norm": lambda: norm(nn.LayerNorm),
    "frozen layer": lambda: {"model": frozen()},
    "zero head": lambda: {"model": zero_head()},
    "linear": lambda: {"model": nn.Linear(6, 3)},
    "smoothing": lambda: {"loss_fn": nn.CrossEntropyLoss(label_smoothing=0.2)},
    "class weights": lambda: {"loss_fn": nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 3.0]))},
    "sum": lambda: {"loss_fn": nn.CrossEntropyLoss(reduction="sum")},
    "log-probabilities": lambda: model(
        mlp(6, 16, 3), nn.LogSoftmax(1), loss_fn=F.nll_loss, val_batches=None
    ),
    "probabilities": lambda: binary(
        model=nn.Sequential(mlp(6, 16, 1), nn.Sigmoid()), loss_fn=F.binary_cross_entropy
    ),
    "binary": binary,
    "imbalanced": imbalanced,
    "mse": regression,
    "l1": lambda: regression(loss_fn=F.l1_loss),
    "squeezed by the loss": lambda: regression(
        train_batches=batches(X, X[:, 0]), loss_fn=lambda z, y: F.mse_loss(z[:, 0], y)
    ),
    "counts": lambda: regression(
        train_batches=batches(X, X[:, :1].exp().round()), loss_fn=nn.PoissonNLLLoss()
    ),
    "embedding": quantized,
    "four rows": xor,
    "one row a batch": lambda: {"train_batches": batches(X[:60], Y[:60], 1)},
    "one batch": lambda: {"train_batches": [(X, Y)]},
    "accumulation, clipping": accumulating,
    "trained": trained,
    "slow sgd": lambda: optimized(SGD, lr=1e-3),
    "fine-tuning rate": lambda: optimized(torch.optim.AdamW, lr=1e-5),
    "l-bfgs": closure_optimizer,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_script_has_no_alarm(name: str) -> None:
    torch.manual_seed(1)
    assert alarms(**HEALTHY[name]()) == set()


@pytest.mark.parametrize(
    ("check", "change", "message"),
    [
        ("parameters", lambda: {"model": frozen()}, "2 of 6 parameters are frozen"),
        ("loss", HEALTHY["sum"], "the loss is a sum over rows"),
        ("labels", lambda: data(X, Y.clamp(max=1)), "1 of 3 classes do not occur"),
        ("learning_rate", HEALTHY["slow sgd"], "is too small: 100 times as much takes the loss"),
        ("inputs", lambda: data(torch.cat([X[:, :5], X[:, :1]], 1)), "1 of 6 features are copies"),
        ("inputs", lambda: data(torch.cat([X[:, :5], 0 * X[:, :1]], 1)), "1 of 6 features have"),
        (
            "train_eval",
            lambda: model(nn.Dropout(0.5), mlp(6, 64, 3)),
            "dropout (0, p = 0.5) acts on the inputs, and on no hidden unit",
        ),
        (
            "splits",
            lambda: {"val_batches": batches(torch.cat([VX, X[:2]]), torch.cat([VY, Y[:2]]))},
            "2 of",
        ),
        (
            "initial_loss",
            lambda: imbalanced() | {"loss_fn": nn.BCEWithLogitsLoss()},
            "the shares of the classes alone give",
        ),
    ],
)
def test_a_note_is_only_a_note(check: str, change: Callable[[], Change], message: str) -> None:
    report = diagnose(**script(**change(), only=[check]))
    assert found(report) == set()
    assert [message in f.message for f in report.findings if f.check == check].count(True) == 1


def test_errors_keep_the_search_for_other_causes_short() -> None:
    change = partial(stepping, "no zero_grad")
    assert "learning_rate" not in alarms(**change(), only=["zero_grad", "learning_rate"])


def test_augmented_rows_make_a_note_of_noisy_labels() -> None:
    class Noisy(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            return X[i] + 1.5 * torch.randn(6), Y[i]

    train = torch.utils.data.DataLoader(Noisy(), batch_size=30, shuffle=True)
    report = diagnose(**script(train_batches=train, only=["splits"]))
    assert not [f for f in report.findings if "kernel" in f.message and f.severity != "note"]
