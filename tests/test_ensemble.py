"""`course_utils.ensemble` against separate, ordinary PyTorch runs, in float64."""

from __future__ import annotations

import copy
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import nn as ours
from course_utils.ensemble import accuracy, batches, train
from course_utils.stacked_layers import elementwise, rule_for

STEPS, BATCH, SEEDS = 50, 8, [3, 1]
SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
# A bias before batch norm has gradient 0 up to rounding: the default eps of 1e-8 would turn the
# last digits of that into steps of 1e-10.
ADAM = partial(torch.optim.Adam, lr=0.01, weight_decay=0.1, eps=1e-6)
ADAMW = partial(torch.optim.AdamW, lr=0.02, weight_decay=0.3, eps=1e-6)


class Whole(nn.Module):
    """Hides a Sequential, so that all of it goes through vmap at once."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Tap(nn.Module):
    """Logs what passes, step by step, in a buffer; a copy replays the log's zeros as a mask."""

    def __init__(self, width: int, replay: Tensor | None = None, p: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("log", torch.zeros(STEPS, BATCH, width))
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        self.replay, self.p = replay, p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if self.replay is not None:
            x = x * (self.replay[self.step] != 0) / (1 - self.p)
        else:
            now = torch.arange(STEPS) == self.step
            self.log = torch.where(now[:, None, None], x.detach(), self.log)
        self.step = self.step + 1
        return x


class Bag(nn.Module):
    """Embeds token ids, weighs them with a second input; one table has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 5, padding_idx=0)
        self.frozen = nn.Embedding(11, 5).requires_grad_(False)
        self.out = nn.Linear(5, 3)

    def forward(self, ids: Tensor, weights: Tensor) -> Tensor:
        return self.out(((self.table(ids) + self.frozen(ids)) * weights[..., None]).sum(-2))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.b(torch.tanh(self.a(x)))))


class Average(nn.Module):
    """Re-assigns a buffer and counts in an integer one; its parameter `unused` gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.unused = nn.Linear(6, 3), nn.Parameter(torch.ones(2))
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("calls", torch.zeros(2, dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
            self.calls += 1
        return self.out(x - self.mean)


def mlp(kind: type[nn.Module], **norm: object) -> nn.Module:
    return kind(
        nn.Linear(6, 7), nn.BatchNorm1d(7, **norm), nn.ReLU(), nn.Linear(7, 7, bias=False),
        nn.Sequential(nn.BatchNorm1d(7, affine=False), nn.Tanh()), nn.Linear(7, 3),
    )  # fmt: skip


def conv(kind: type[nn.Module]) -> nn.Module:
    return kind(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 3),
    )  # fmt: skip


def tied() -> nn.Module:
    shared = nn.Linear(6, 6)
    return nn.Sequential(shared, nn.Tanh(), shared, nn.Tanh(), nn.Linear(6, 3))


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def vectors(n: int = 41) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 6, generator=generator), torch.randint(3, (n,), generator=generator)


def images() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(41, 1, 6, 6, generator=generator)
    return x, torch.randint(3, (41,), generator=generator)


def bags() -> tuple[tuple[Tensor, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(11, (41, 4), generator=generator)
    return (ids, torch.rand(41, 4, generator=generator)), vectors()[1]


def build(make, members: int = 4) -> list[nn.Module]:
    models = []
    for seed in range(members):
        torch.manual_seed(seed)
        models.append(make())
    return models


def separate(model, data, seed, make, loss=F.cross_entropy, schedule=None, every=20):
    """One ordinary training loop; returns batch losses and evaluation logits."""
    inputs, targets = data
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    optimizer = make([p for p in model.parameters() if p.requires_grad])
    scheduler = schedule(optimizer) if schedule else None
    losses, logits = [], []

    def evaluate():
        model.eval()
        with torch.no_grad():
            logits.append(model(*inputs))
        model.train()

    for step, rows in enumerate(islice(batches([seed], len(targets), BATCH), STEPS)):
        if step % every == 0:
            evaluate()
        value = loss(model(*(x[rows[0]] for x in inputs)), targets[rows[0]])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(value.detach())
    evaluate()
    return torch.stack(losses), torch.stack(logits)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def assert_equals_separate(models, data, optimizers, loss=F.cross_entropy, schedule=None):
    alone = copy.deepcopy(models)
    history = train(
        models, data, seeds=SEEDS, optimizer=optimizers, steps=STEPS, batch_size=BATCH, loss=loss,
        schedule=schedule, evaluate={"all": data}, metrics={"logits": lambda z, y: z}, every=20,
    )  # fmt: skip
    losses = loss if isinstance(loss, list) else [loss] * 2
    assert history.steps.tolist() == [*range(0, STEPS, 20), STEPS]
    for member, (model, one) in enumerate(zip(models, alone, strict=True)):
        g, s = divmod(member, len(SEEDS))
        before = copy.deepcopy(one.state_dict())
        found = separate(one, data, SEEDS[s], optimizers[g], losses[g], schedule)
        close(history.batch_loss[:, g, s], found[0])
        close(history["all", "logits"][:, g, s], found[1])
        changed = 0
        for name, value in one.state_dict().items():
            close(model.state_dict()[name], value)
            changed += not torch.equal(value, before[name])
        assert changed


@pytest.mark.parametrize("kind", [nn.Sequential, Whole])
@pytest.mark.parametrize("optimizers", [[SGD, ADAM], [ADAMW, SGD]])
def test_mlp_with_batch_norm_equals_separate_runs(kind, optimizers):
    models = build(lambda: mlp(kind))
    assert_equals_separate(models, vectors(), optimizers)
    counters = [b for n, b in models[3].named_buffers() if n.endswith("num_batches_tracked")]
    assert counters == [STEPS, STEPS]


@pytest.mark.parametrize("kind", [nn.Sequential, Whole])
def test_batch_norm_cumulative_average_and_no_statistics(kind):
    assert_equals_separate(build(lambda: mlp(kind, momentum=None)), vectors(), [SGD, ADAM])
    models = build(lambda: mlp(kind, track_running_stats=False))
    assert_equals_separate(models, vectors(), [SGD, ADAM])


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (partial(conv, nn.Sequential), images()),
        (partial(conv, Whole), images()),
        (Bag, bags()),
        (Tied, vectors()),
        (tied, vectors()),
        (Average, vectors()),
        (lambda: nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 3), nn.Identity()), vectors()),
    ],
)
def test_other_networks_equal_separate_runs(make, data):
    double = lambda x: x.double() if x.is_floating_point() else x  # noqa: E731 - made before the fixture
    inputs = tuple(map(double, data[0])) if isinstance(data[0], tuple) else double(data[0])
    assert_equals_separate(build(make), (inputs, data[1]), [SGD, ADAMW])


@pytest.mark.parametrize("kind", [nn.Sequential, Whole])
def test_dropout_equals_separate_runs_with_the_same_masks(kind):
    p, (inputs, targets) = 0.3, vectors()

    def make():
        return kind(
            nn.Linear(6, 7), nn.BatchNorm1d(7), nn.Tanh(), nn.Dropout(p), Tap(7), nn.Linear(7, 3)
        )

    models = build(make)
    alone = copy.deepcopy(models)
    evaluate = {"all": (inputs, targets)}
    history = train(
        models, (inputs, targets), seeds=SEEDS, optimizer=[SGD, ADAMW], steps=STEPS,
        batch_size=BATCH, evaluate=evaluate, metrics={"logits": lambda z, y: z}, every=20,
    )  # fmt: skip
    masks = [next(m for m in model.modules() if isinstance(m, Tap)).log != 0 for model in models]
    for member, (model, one) in enumerate(zip(models, alone, strict=True)):
        body = one.body if kind is Whole else one
        body[3], body[4] = nn.Identity(), Tap(7, masks[member], p)
        g, s = divmod(member, len(SEEDS))
        losses, logits = separate(one, evaluate["all"], SEEDS[s], [SGD, ADAMW][g])
        close(history.batch_loss[:, g, s], losses)
        close(history["all", "logits"][:, g, s], logits)
        for name, value in model.named_parameters():
            close(value, one.get_parameter(name))
    kept = torch.stack(masks).double()
    spread = 5 * (p * (1 - p) / kept.numel()) ** 0.5
    assert abs(kept.mean() - (1 - p)) < spread
    for i in range(4):  # masks of two members, and of two steps, are independent
        for j in range(i):
            assert abs((kept[i] == kept[j]).double().mean() - (p**2 + (1 - p) ** 2)) < 0.05
        assert not torch.equal(kept[i, 0], kept[i, 1])


def test_loss_and_schedule_for_each_setting():
    losses = [F.cross_entropy, partial(F.cross_entropy, label_smoothing=0.2)]
    schedule = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=STEPS)
    models = build(lambda: nn.Sequential(nn.Linear(6, 3)))
    assert_equals_separate(models, vectors(), [SGD, ADAM], losses, schedule)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("make", [lambda: nn.Linear(6, 3), lambda: nn.Linear(6, 9)])
def test_cross_entropy_with_ignored_or_soft_targets(soft, make):
    inputs, targets = vectors()
    classes = make().out_features
    soft_targets = F.one_hot(targets, classes) * 0.9 + 0.1 / classes
    targets = soft_targets if soft else targets.where(targets > 0, -100)
    models = build(lambda: nn.Sequential(make()))
    assert_equals_separate(models, (inputs, targets), [SGD, ADAM])


def test_batches_with_replacement_repeat_rows_and_stay_paired():
    drawn = torch.stack([*islice(batches([0, 7], 10, 9, replacement=True), 200)], 1)
    assert all(len(set(rows.tolist())) < 9 for rows in drawn[0, :20])  # P(no repeat) = 0.0036
    assert drawn.unique().tolist() == list(range(10))
    alone = torch.stack([*islice(batches([7], 10, 9, replacement=True), 200)], 1)
    assert torch.equal(drawn[1:2], alone)


def test_batches_are_paired_and_complete():
    drawn = torch.stack([*islice(batches([0, 7], 10, 3), 6)], 1)
    assert not torch.equal(drawn[0], drawn[1])
    for epoch in drawn.view(2, 2, 9).flatten(0, 1):
        assert len(set(epoch.tolist())) == 9
    assert torch.equal(drawn[1:2], torch.stack([*islice(batches([7], 10, 3), 6)], 1))
    models = build(lambda: nn.Sequential(nn.Linear(6, 3)), 1) * 1
    models += copy.deepcopy(models)
    run = partial(train, data=vectors(), seeds=[5], optimizer=[SGD, SGD], steps=9, batch_size=4)
    both = run(models).batch_loss
    assert torch.equal(both[:, 0], both[:, 1])


def test_a_batch_of_all_examples_is_in_order_and_equals_plain_descent():
    inputs, targets = vectors()
    data = (inputs[:20], targets[:20])
    assert next(batches([0, 7], 20, 20)).tolist() == [list(range(20))] * 2
    models = build(lambda: mlp(nn.Sequential))
    alone = copy.deepcopy(models)
    run = partial(train, data=data, seeds=SEEDS, steps=9, batch_size=20)
    found = run(models, optimizer=[SGD, ADAM]).batch_loss
    for member, model in enumerate(alone):
        g, s = divmod(member, len(SEEDS))
        optimizer = [SGD, ADAM][g](model.parameters())
        for step in range(9):
            loss = F.cross_entropy(model(data[0]), data[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            close(found[step, g, s], loss.detach())
        for name, value in model.state_dict().items():
            close(models[member].state_dict()[name], value)


@pytest.mark.parametrize(
    "make", [lambda: InPlace(6, 3), lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 3))]
)
def test_a_batch_of_all_examples_is_copied_where_a_model_writes(make):
    data = vectors()
    run = partial(train, seeds=[0, 1], optimizer=SGD, steps=3, batch_size=len(data[1]))
    found = run(build(make, 2), data).batch_loss
    assert torch.equal(data[0], vectors()[0])
    close(found, run(build(make, 2), (data[0].relu(), data[1])).batch_loss)


@pytest.mark.parametrize(
    "layer",
    [nn.LeakyReLU(0.3), nn.ELU(2.0), nn.Softplus(3.0), ours.LeakyReLU(0.3), ours.Sigmoid()],
)
def test_elementwise_layers_equal_separate_runs(layer):
    assert rule_for(layer) is elementwise
    make = lambda: nn.Sequential(nn.Linear(6, 5), copy.deepcopy(layer), nn.Linear(5, 3))  # noqa: E731 - needs layer
    assert_equals_separate(build(make), vectors(), [SGD, ADAM])


def test_random_state_modes_and_repetition():
    state = torch.get_rng_state()
    results = []
    for _ in range(2):
        models = build(lambda: nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.5), nn.Linear(9, 3)))
        models[0].eval()
        torch.set_rng_state(state)
        history = train(
            models, vectors(), seeds=SEEDS, optimizer=SGD, steps=5, batch_size=4, evaluate={
                "a": vectors(), "b": vectors()}, metrics={"accuracy": accuracy},
            loss=[F.cross_entropy] * 2, every=2,
        )  # fmt: skip
        assert torch.equal(torch.get_rng_state(), state)
        assert not models[0].training
        assert models[1].training
        assert torch.equal(history["a", "accuracy"], history["b", "accuracy"])
        assert history["a", "accuracy"].shape == (4, 2, 2)
        results.append(history.batch_loss)
        assert all(p.is_leaf and p.grad is None for p in models[0].parameters())
    assert torch.equal(*results)


def test_a_diverging_member_leaves_the_others_alone():
    data = vectors()
    models = build(lambda: mlp(nn.Sequential))
    expected = copy.deepcopy(models)
    run = partial(train, data=data, seeds=SEEDS, steps=20, batch_size=4)
    run(expected, optimizer=[SGD, SGD])
    history = run(models, optimizer=[SGD, partial(torch.optim.SGD, lr=1e200)])
    assert not history.batch_loss[-1, 1].isfinite().any()
    close(models[1][0].weight, expected[1][0].weight)


def test_evaluation_in_pieces_equals_one(monkeypatch):
    make = lambda: build(lambda: mlp(Whole))  # noqa: E731 - two equal lists
    run = partial(
        train, data=vectors(), seeds=SEEDS, optimizer=SGD, steps=3, batch_size=4,
        evaluate={"a": vectors()}, metrics={"z": lambda z, y: z},
    )  # fmt: skip
    whole = run(make())["a", "z"]
    monkeypatch.setattr("course_utils.recorder.EVALUATION_ROWS", 60)
    close(run(make())["a", "z"], whole)


def test_progress_and_default_metric():
    lines = []
    run = partial(train, data=vectors(), seeds=SEEDS, steps=4, batch_size=41, every=2)
    history = run(
        build(lambda: nn.Sequential(nn.Linear(6, 3))), optimizer=SGD,
        progress=lines.append, evaluate={"all": vectors()},
    )  # fmt: skip
    assert [line.split(",")[0] for line in lines] == ["step 0", "step 2", "step 4"]
    close(history["all", "loss"][0], history.batch_loss[0])  # a full batch, before any update


class TwoOutputs(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


class ValueDependent(nn.Linear):
    def forward(self, x):
        return super().forward(x) if x.sum().item() > -1e9 else x


def small(**changes):
    models = build(lambda: nn.Sequential(nn.Linear(6, 3)), 2)
    arguments = {"models": models, "data": vectors(), "seeds": [0, 1], "optimizer": SGD}
    arguments |= {"steps": 1, "batch_size": 4}
    return train(**(arguments | changes))


class Sharpened(torch.optim.SGD):
    """Divides by the norm over a whole tensor: not element-wise."""

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.grad = p.grad / p.grad.norm()
        return super().step(closure)


def same_twice():
    model = nn.Linear(6, 3)
    return [model, model]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"models": []}, ValueError, "0 models for 2 seeds"),
        ({"seeds": []}, ValueError, "2 models for 0 seeds"),
        ({"seeds": [0, 1, 2]}, ValueError, "2 models for 3 seeds"),
        ({"models": [nn.Linear(6, 3), nn.Linear(6, 4)]}, ValueError, "out_features is 3 in"),
        ({"models": [nn.Dropout(0.1), nn.Dropout(0.2)]}, ValueError, r"\.p is 0\.1 in models\[0\]"),
        ({"models": [nn.Tanh(), nn.Sigmoid()]}, ValueError, "type of the module is Tanh"),
        ({"models": [nn.ReLU(), nn.ReLU()]}, ValueError, "requires_grad=True, got none"),
        ({"models": same_twice()}, ValueError, "share no parameter"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 42}, ValueError, "batch_size must be from 1 to the 41 examples, got 42"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"every": -1}, ValueError, "every must be at least 1, got -1"),
        ({"data": (torch.ones(5, 6), torch.zeros(4))}, ValueError, r"data must .* got \[5, 4\]"),
        ({"evaluate": {"dev": (torch.ones(0), torch.ones(0))}}, ValueError, r"evaluate\['dev'\]"),
        ({"optimizer": [SGD, SGD]}, ValueError, "list of 1, one for each setting, got 2"),
        ({"optimizer": torch.optim.LBFGS}, ValueError, "must be element-wise"),
        ({"optimizer": partial(torch.optim.Adafactor, lr=0.1)}, ValueError, "depends on others"),
        ({"optimizer": partial(Sharpened, lr=0.1)}, ValueError, "depends on others"),
        ({"optimizer": partial(SGD, lr=-1.0)}, ValueError, "Invalid learning rate"),
        ({"loss": partial(F.cross_entropy, reduction="none")}, ValueError, r"got shape \(4,\)"),
        ({"models": [TwoOutputs(6, 3), TwoOutputs(6, 3)]}, TypeError, "one tensor, got tuple"),
        ({"models": [ValueDependent(6, 3), ValueDependent(6, 3)]}, RuntimeError, "cannot batch it"),
        ({"data": (torch.ones(9, 5), torch.zeros(9).long())}, RuntimeError, "shapes cannot be mul"),
        ({"data": (torch.ones(9, 6).float(), torch.zeros(9).long())}, RuntimeError, "same dtype"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(changes, error, message):
    for model in changes.get("models", []):
        model.double()
    if "same dtype" in message:
        changes = {"data": (changes["data"][0].float(), changes["data"][1])}
    elif "data" in changes:
        changes = {"data": (changes["data"][0].double(), changes["data"][1])}
    with pytest.raises(error, match=message):
        small(**changes)


def test_unknown_measurement_is_named():
    history = small(evaluate={"dev": vectors()}, metrics={"accuracy": accuracy})
    with pytest.raises(KeyError, match=r"\('dev', 'accuracy'\).*got \('dev', 'acc'\)"):
        history["dev", "acc"]


def test_by_setting_names_every_setting() -> None:
    models = [nn.Linear(2, 2) for _ in range(6)]
    data = torch.randn(9, 2), torch.arange(9) % 2
    h = train(
        models,
        data,
        seeds=[0, 1, 2],
        optimizer=SGD,
        steps=4,
        batch_size=3,
        evaluate={"train": data},
        every=2,
    )
    named = h.by_setting(["a", "b"])
    assert torch.equal(named["b"]["train", "loss"], h["train", "loss"][:, 1])
    assert torch.equal(named["a"].batch_loss, h.batch_loss[:, 0])
    for names in (["a"], ["a", "a"]):
        with pytest.raises(ValueError, match="names must be 2 different ones"):
            h.by_setting(names)


class Activated(nn.Module):
    """A layer with an attribute that decides what it does."""

    def __init__(self, act: object) -> None:
        super().__init__()
        self.out, self.act = nn.Linear(6, 3), act

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x)


class Holder:
    def __init__(self, value: object) -> None:
        self.value, self.me = value, self  # refers to itself, as objects do


def scaled(by: float) -> object:
    return lambda x: by * x


def keyword(by: float) -> object:
    def scale(x, *, factor=by):
        return factor * x

    return scale


def leaky(slope: float) -> object:
    return partial(F.leaky_relu, negative_slope=slope)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (torch.tanh, torch.sigmoid),
        (np.tanh, np.sin),
        (F.relu, F.gelu),
        (leaky(0.0), leaky(1.0)),
        (scaled(1.0), scaled(2.0)),
        (keyword(1.0), keyword(2.0)),
        (Holder(1.0).__init__, Holder(2.0).__init__),
        (np.float32(1), np.float32(2)),
        (np.ones(3), np.ones(4)),
        (np.ones(3), np.ones(3) * 2),
        (np.ones(3), np.ones(3, dtype=np.float32)),
        (torch.ones(3), torch.ones(3) * 2),
        (torch.ones(3), torch.ones(3).double()),
        (torch.ones(3), None),
        ([nn.Parameter(torch.ones(3))], [nn.Parameter(torch.zeros(3))]),
        ([nn.Dropout(0.1)], [nn.Dropout(0.2)]),
        (Holder(1.0), Holder(2.0)),
        (Holder(leaky(0.0)), Holder(leaky(1.0))),
        (nn.Tanh, nn.Sigmoid),
        ({"a": [1, 2]}, {"a": [1, 3]}),
        ((1, 2), (1, 2, 3)),
        ({1, 2}, {1, 3}),
        (torch.float32, torch.float64),
        (torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)),
    ],
)
def test_attributes_that_differ_are_refused(a, b):
    with pytest.raises(
        ValueError, match=r"the module\.act is .* in models\[0\], .* in models\[1\]"
    ):
        small(models=[Activated(a), Activated(b)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tanh,
        lambda: leaky(0.1),
        lambda: scaled(2.0),
        lambda: keyword(2.0),
        lambda: Holder([1.0, np.ones(3), {"a": torch.tensor([torch.nan, 1])}]),
        lambda: np.full(3, np.nan),
        lambda: torch.ones(2, dtype=torch.bfloat16),
        lambda: [1, 2.0, "a", None, {1, 2}, slice(3), torch.float32],
    ],
)
def test_attributes_built_alike_are_accepted(make):
    small(models=[Activated(make()), Activated(make())])


def test_references_to_own_parts_are_accepted():
    models = [Activated(None), Activated(None)]
    for model in models:
        model.act = [model.out.weight, model, model.out.forward, lambda m=model: m]
    small(models=models)
    models = build(lambda: nn.Linear(6, 3), 2)
    for model in models:  # each gets a class of its own
        nn.utils.parametrize.register_parametrization(model, "weight", nn.Tanh())
    small(models=models)


def test_two_classes_of_one_name_are_refused():
    def local() -> nn.Module:
        class Net(nn.Linear):
            pass

        return Net(6, 3)

    with pytest.raises(ValueError, match=r"is Net in models\[0\], another Net in models\[1\]"):
        small(models=[local(), local()])


@pytest.mark.parametrize("method", ["register_forward_hook", "register_forward_pre_hook"])
def test_forward_hooks_must_be_alike(method):
    def hook(module, x, *output):
        return None

    models = [nn.Linear(6, 3), nn.Linear(6, 3)]
    getattr(models[1], method)(hook)
    with pytest.raises(ValueError, match=r"the module\._forward.*hooks is \[\] in models\[0\]"):
        small(models=models)
    getattr(models[0], method)(hook)
    small(models=models)


def hook_gradient(model: nn.Module) -> None:
    model.weight.register_hook(lambda g: 0 * g)


def hook_accumulated(model: nn.Module) -> None:
    model.weight.register_post_accumulate_grad_hook(lambda p: None)


def hook_backward(model: nn.Module) -> None:
    model.register_full_backward_hook(lambda module, inputs, outputs: None)


def hook_before_backward(model: nn.Module) -> None:
    model.register_full_backward_pre_hook(lambda module, outputs: None)


@pytest.mark.parametrize(
    "hook", [hook_gradient, hook_accumulated, hook_backward, hook_before_backward]
)
def test_gradient_hooks_are_refused(hook):
    models = [nn.Sequential(nn.Linear(6, 3)), nn.Sequential(nn.Linear(6, 3))]
    hook(models[1][0])
    with pytest.raises(ValueError, match=r"no gradient hooks.*got one at 0.* of models\[1\]"):
        small(models=models)


def test_masks_follow_from_the_numbers_of_the_seeds():
    def losses(seeds) -> Tensor:
        models = build(lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3)), 2)
        return small(models=models, seeds=seeds).batch_loss

    assert torch.equal(losses([0, 1]), losses(np.arange(2)))
    assert torch.equal(losses([0, 1]), losses(torch.arange(2)))


class InPlace(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.relu_())


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize(
    "make",
    [lambda: InPlace(6, 3), lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 3))],
)
def test_data_is_left_as_it_was(make, members):
    data, dev = vectors(), vectors()
    run = partial(small, seeds=range(members), evaluate={"dev": dev})
    found = run(models=build(make, members), data=data)
    assert torch.equal(data[0], vectors()[0])
    assert torch.equal(dev[0], vectors()[0])
    clipped = vectors()[0].relu(), vectors()[1]
    close(found["dev", "loss"], run(models=build(make, members), data=clipped)["dev", "loss"])


@pytest.mark.parametrize("targets", [torch.zeros(4, 1), torch.zeros(4, 3), torch.zeros(1)])
def test_accuracy_refuses_targets_of_another_shape(targets):
    with pytest.raises(ValueError, match=r"targets must be \[4\], got \["):
        accuracy(torch.ones(4, 3), targets)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data": (torch.ones(5, 6), np.zeros(5))}, TypeError, "data must .* targets ndarray"),
        ({"data": (np.ones((5, 6)), torch.zeros(5))}, TypeError, "data must .* inputs ndarray"),
        ({"data": ([torch.ones(5, 6)], torch.zeros(5))}, TypeError, "data must .* inputs list"),
        ({"data": torch.ones(5, 6)}, TypeError, r"data must be a pair .* got Tensor"),
        ({"data": (torch.ones(5, 6), torch.tensor(1))}, ValueError, r"data must .* got \[5, 0\]"),
        ({"evaluate": {"dev": 3}}, TypeError, r"evaluate\['dev'\] must be a pair .* got int"),
        ({"steps": 1.0}, TypeError, r"steps must be an integer, got 1\.0"),
        ({"batch_size": 4.0}, TypeError, r"batch_size must be an integer, got 4\.0"),
    ],
)
def test_arguments_of_wrong_type_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        small(**changes)
    if "batch_size" in changes:
        with pytest.raises(error, match=message):
            batches([0], 10, **changes)


def test_a_used_cumulative_batch_norm_is_named():
    models = build(lambda: mlp(nn.Sequential, momentum=None), 2)
    models[1](vectors()[0])
    with pytest.raises(ValueError, match=r"1\.num_batches_tracked must be .* got \[0, 1\]"):
        small(models=models)
