"""Our layers as members of an ensemble: stacked parameters, buffers updated in place by vmap."""

from __future__ import annotations

import copy
from functools import partial
from itertools import islice
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import nn as ours
from course_utils.ensemble import batches, train

STEPS, BATCH, SEEDS = 10, 8, [3, 1, 4]
SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.1)


class Whole(nn.Module):
    """Hides a Sequential, so that all of it goes through vmap at once."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def dense(kind: Any, **options: Any) -> nn.Module:
    return kind(
        nn.Linear(6, 12), ours.BatchNorm1d(12, **options), ours.Tanh(), ours.LayerNorm(12),
        ours.Maxout(12, 8), ours.RMSNorm(8), ours.SiLU(), nn.Linear(8, 3),
    )  # fmt: skip


def conv(kind: Any) -> nn.Module:
    return kind(
        nn.Conv2d(1, 6, 3), ours.BatchNorm2d(6), ours.GELU(), ours.GroupNorm(2, 6),
        nn.Conv2d(6, 4, 2), ours.InstanceNorm2d(4, affine=True, track_running_stats=True),
        ours.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 3 * 3, 3),
    )  # fmt: skip


def vectors() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(60, 6, generator=g, dtype=torch.float64), torch.randint(
        3, (60,), generator=g
    )


def images() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(60, 1, 6, 6, generator=g, dtype=torch.float64)
    return x, torch.randint(3, (60,), generator=g)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [nn.Sequential, Whole])
@pytest.mark.parametrize(
    ("make", "data"),
    [
        (dense, vectors()),
        (partial(dense, momentum=None), vectors()),
        (partial(dense, track_running_stats=False), vectors()),
        (partial(dense, affine=False), vectors()),
        (conv, images()),
    ],
)
def test_members_end_where_separate_runs_end(kind: Any, make: Any, data: Any) -> None:
    models = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        models.append(make(kind).double())
    alone = copy.deepcopy(models)
    history = train(
        models, data, seeds=SEEDS, optimizer=SGD, steps=STEPS, batch_size=BATCH,
        evaluate={"all": data}, metrics={"logits": lambda z, _: z}, every=STEPS,
    )  # fmt: skip
    for member, (model, seed) in enumerate(zip(alone, SEEDS, strict=True)):
        start = copy.deepcopy(model.state_dict())
        optimizer = SGD(model.parameters())
        for step, rows in enumerate(islice(batches([seed], 60, BATCH), STEPS)):
            loss = F.cross_entropy(model(data[0][rows[0]]), data[1][rows[0]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            close(history.batch_loss[step, 0, member], loss.detach())
        close(history["all", "logits"][-1, 0, member], model.eval()(data[0]).detach())
        found = models[member].state_dict()
        for name, value in model.state_dict().items():
            close(found[name], value)
            # InstanceNorm counts no batches, in PyTorch neither.
            moved = not torch.equal(start[name], value)
            assert moved or name.endswith("5.num_batches_tracked"), name
        counts = [v.item() for n, v in found.items() if n.endswith("1.num_batches_tracked")]
        assert counts in ([], [STEPS])
    assert not torch.equal(*[next(m.parameters()) for m in models[:2]])


def test_dropout_differs_in_members_between_our_layers() -> None:
    """vmap with randomness: every member has its own masks, its own statistics and its count."""
    torch.manual_seed(0)
    layers = [nn.Linear(6, 8), ours.BatchNorm1d(8), ours.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)]
    first = Whole(*layers).double()
    models = [copy.deepcopy(first) for _ in SEEDS]
    data = vectors()
    train(models, data, seeds=SEEDS, optimizer=SGD, steps=4, batch_size=60)
    outputs = torch.stack([m.eval()(data[0]).detach() for m in models])
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3
    assert [m.body[1].num_batches_tracked.item() for m in models] == [4, 4, 4]
    variances = torch.stack([m.body[1].running_var for m in models])
    assert not torch.equal(variances[0], variances[1])
