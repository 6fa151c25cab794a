"""Training scripts without a bug on scikit-learn's digits."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from course_utils import data
from course_utils.models import mlp
from course_utils.zoo.networks import (
    AttentionNet,
    RecurrentNet,
    TiedAutoencoder,
    TokenNet,
    transformer,
)
from course_utils.zoo.optimizers import Adam, AdamW
from course_utils.zoo.script import Built, Rows, Script, from_splits


@cache
def _digits(seed: int, standardize: bool) -> data.Digits:
    return data.digits(seed, train=400, standardize=standardize)


def digits(seed: int, standardize: bool = True) -> list[Rows]:
    """400 digits to train, 297 val, 500 test: inputs float32 [N, 64], labels long [N].

    Without standardize, inputs are pixels from 0 to 1. Read from disk once.
    """
    d = _digits(seed, standardize)
    return [(part.inputs.clone(), part.labels.clone()) for part in (d.train, d.val, d.test)]


def digits_mlp(seed: int) -> Script:
    """Digits, 64-32-32-10 with ReLU, Adam: the script that most bugs are planted in."""

    def build() -> Built:
        model = mlp(64, 32, 32, 10)
        return model, Adam(model.parameters(), lr=3e-3)

    return from_splits(seed, build, F.cross_entropy, digits(seed))


def digits_sgd(seed: int) -> Script:
    """The same network with SGD and momentum."""

    def build() -> Built:
        model = mlp(64, 32, 32, 10)
        return model, SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)

    return from_splits(seed, build, F.cross_entropy, digits(seed))


def digits_batch_norm(seed: int) -> Script:
    """Batch norm and dropout: another function in training than in evaluation."""

    def build() -> Built:
        first = [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3)]
        second = [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3)]
        model = nn.Sequential(*first, *second, nn.Linear(64, 10))
        return model, AdamW(model.parameters(), lr=3e-3)

    return from_splits(seed, build, F.cross_entropy, digits(seed))


def digits_smoothed(seed: int) -> Script:
    """Label smoothing 0.1: the loss of a perfect model is not zero."""
    script = digits_mlp(seed)
    script.loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    return script


def digits_cnn(seed: int) -> Script:
    """Images [N, 1, 8, 8] and two convolutions with batch norm."""

    def build() -> Built:
        first = [nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        second = [nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        model = nn.Sequential(*first, *second, nn.Linear(256, 10))
        return model, Adam(model.parameters(), lr=3e-3)

    splits = [(x.view(-1, 1, 8, 8), y) for x, y in digits(seed)]
    return from_splits(seed, build, F.cross_entropy, splits)


def digits_rnn(seed: int) -> Script:
    """Images read row by row, [N, 8, 8], by a GRU."""

    def build() -> Built:
        model = RecurrentNet()
        return model, Adam(model.parameters(), lr=5e-3)

    splits = [(x.view(-1, 8, 8), y) for x, y in digits(seed)]
    return from_splits(seed, build, F.cross_entropy, splits)


def digits_attention(seed: int) -> Script:
    """Attention over the rows of images, [N, 8, 8], written out."""

    def build() -> Built:
        model = AttentionNet()
        return model, Adam(model.parameters(), lr=5e-3)

    splits = [(x.view(-1, 8, 8), y) for x, y in digits(seed)]
    return from_splits(seed, build, F.cross_entropy, splits)


def digits_transformer(seed: int) -> Script:
    """PyTorch's transformer layer, with layer norm and dropout, over the rows of images."""

    def build() -> Built:
        model = transformer()
        return model, AdamW(model.parameters(), lr=3e-3)

    splits = [(x.view(-1, 8, 8), y) for x, y in digits(seed)]
    return from_splits(seed, build, F.cross_entropy, splits)


def digits_frozen(seed: int) -> Script:
    """A first layer that is given, the principal directions of the data, and stays frozen."""
    (x, _), *_ = digits(seed)
    directions = torch.linalg.svd(x, full_matrices=False).Vh[:32]

    def build() -> Built:
        first = nn.Linear(64, 32)
        first.weight = nn.Parameter(directions.clone())
        model = nn.Sequential(first.requires_grad_(False), nn.ReLU(), mlp(32, 32, 10))
        return model, Adam([p for p in model.parameters() if p.requires_grad], lr=5e-3)

    return from_splits(seed, build, F.cross_entropy, digits(seed))


def digits_shared(seed: int) -> Script:
    """One hidden layer that is applied three times: a parameter under three names."""

    def build() -> Built:
        first, middle, last = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)
        hidden = [layer for _ in range(3) for layer in (middle, nn.ReLU())]
        model = nn.Sequential(first, nn.ReLU(), *hidden, last)
        return model, Adam(model.parameters(), lr=3e-3)

    return from_splits(seed, build, F.cross_entropy, digits(seed))


def digits_tied(seed: int) -> Script:
    """An autoencoder whose decoder has the encoder's weights; the target is the input."""

    def build() -> Built:
        model = TiedAutoencoder()
        return model, Adam(model.parameters(), lr=3e-3)

    return from_splits(seed, build, F.mse_loss, [(x, x) for x, _ in digits(seed)])


def digits_tokens(seed: int) -> Script:
    """Pixels as 4 levels of grey, integers [N, 64], with an embedding of them."""
    splits = [(torch.bucketize(x, torch.tensor([-0.5, 0.0, 1.0])), y) for x, y in digits(seed)]

    def build() -> Built:
        model = TokenNet()
        return model, Adam(model.parameters(), lr=5e-3)

    return from_splits(seed, build, F.cross_entropy, splits)


def digits_dict(seed: int) -> Script:
    """Batches as dicts, {"input": float [B, 64], "labels": long [B]}, in lists."""
    script = digits_mlp(seed)
    for name in ("train", "val", "test"):
        batches = [{"input": x, "labels": y} for x, y in getattr(script, name)]
        setattr(script, name, batches)
    return script
