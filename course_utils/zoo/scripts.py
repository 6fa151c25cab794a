"""Training scripts without a bug: pairs of a model and data that a check must not call broken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import nn

from course_utils import data
from course_utils.models import mlp
from course_utils.zoo import on_digits
from course_utils.zoo.on_digits import digits
from course_utils.zoo.optimizers import Adam
from course_utils.zoo.script import Built, Script, from_splits

Make = Callable[[int], Script]


def zero_or_not(seed: int) -> Script:
    """Is the digit a zero? One logit [N], binary cross-entropy, a tenth of the labels is 1."""

    def build() -> Built:
        model = nn.Sequential(mlp(64, 32, 32, 1), nn.Flatten(0))
        return model, Adam(model.parameters(), lr=3e-3)

    splits = [(x, (y == 0).float()) for x, y in digits(seed)]
    return from_splits(seed, build, F.binary_cross_entropy_with_logits, splits)


def imbalanced(seed: int) -> Script:
    """Nine or not, two classes of 10 % and 90 %, with weights that balance the loss."""

    def build() -> Built:
        model = mlp(64, 32, 32, 2)
        return model, Adam(model.parameters(), lr=3e-3)

    loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.8]))
    return from_splits(seed, build, loss_fn, [(x, (y == 9).long()) for x, y in digits(seed)])


def regression(seed: int) -> Script:
    """scikit-learn's diabetes data, 10 numbers, one standardized target [N]."""
    inputs, targets = load_diabetes(return_X_y=True)
    x, y = torch.from_numpy(inputs).float(), torch.from_numpy(targets).float()
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    train = order[:250]
    x, y = (x - x[train].mean(0)) / x[train].std(0), (y - y[train].mean()) / y[train].std()

    def build() -> Built:
        model = nn.Sequential(mlp(10, 32, 1), nn.Flatten(0))
        return model, Adam(model.parameters(), lr=3e-3)

    return from_splits(
        seed, build, F.mse_loss, [(x[i], y[i]) for i in order.tensor_split([250, 346])]
    )


def spiral(seed: int) -> Script:
    """Three arms of a spiral in the plane, which no linear model can tell apart."""
    examples = data.spiral(seed, points=200)
    order = torch.randperm(600, generator=torch.Generator().manual_seed(seed)).view(3, 200)

    def build() -> Built:
        model = mlp(2, 32, 32, 3)
        return model, Adam(model.parameters(), lr=1e-2)

    splits = [(examples.inputs[i], examples.labels[i]) for i in order]
    return from_splits(seed, build, F.cross_entropy, splits)


SCRIPTS = (
    on_digits.digits_mlp,
    on_digits.digits_sgd,
    on_digits.digits_batch_norm,
    on_digits.digits_smoothed,
    on_digits.digits_cnn,
    on_digits.digits_rnn,
    on_digits.digits_attention,
    on_digits.digits_transformer,
    on_digits.digits_frozen,
    on_digits.digits_shared,
    on_digits.digits_tied,
    on_digits.digits_tokens,
    on_digits.digits_dict,
    zero_or_not,
    imbalanced,
    regression,
    spiral,
)


def seeded(make: Make, seed: int) -> Script:
    """What make(seed) gives with torch seeded; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(seed)


HEALTHY: dict[str, Make] = {make.__name__: partial(seeded, make) for make in SCRIPTS}
