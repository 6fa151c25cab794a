"""Bugs of the data: what the network is given is not what one thinks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.zoo.bug import bug
from course_utils.zoo.on_digits import digits
from course_utils.zoo.optimizers import Adam
from course_utils.zoo.script import Script, loader, rows


@bug("data")
def raw_pixels(script: Script) -> None:
    """Inputs are pixels from 0 to 255: the normalization was forgotten."""
    script.use(*[(255 * x, y) for x, y in digits(script.seed, standardize=False)])


@bug("data")
def labels_shuffled(script: Script) -> None:
    """Labels are shuffled and inputs are not: each image has the label of another one."""
    x, y = rows(script.train)
    script.train = loader(x, y[torch.randperm(len(y))])


@bug("data")
def labels_from_one(script: Script) -> None:
    """Classes are numbered from 1 to 10, the network's outputs from 0 to 9."""
    script.use(*[(x, y + 1) for x, y in script.splits])


@bug("data")
def quarter_mislabelled(script: Script) -> None:
    """One of four annotators counts from one: a quarter of the labels is the next class."""
    x, y = rows(script.train)
    script.train = loader(x, torch.where(torch.arange(len(y)) % 4 == 0, (y + 1) % 10, y))


@bug("data")
def label_codes_differ(script: Script) -> None:
    """Names of classes got other numbers in val and test than in train."""
    codes = torch.tensor([0, 3, 1, 2, 5, 4, 7, 8, 6, 9])
    train, *rest = script.splits
    script.use(train, *[(x, codes[y]) for x, y in rest])


@bug("data")
def val_not_scaled(script: Script) -> None:
    """Train is standardized, val and test are pixels from 0 to 1."""
    _, *raw = digits(script.seed, standardize=False)
    script.use(rows(script.train), *raw)


@bug("data")
def val_transposed(script: Script) -> None:
    """Val and test were read with rows and columns of the image exchanged."""
    train, *rest = script.splits
    script.use(train, *[(x.view(-1, 8, 8).mT.flatten(1), y) for x, y in rest])


@bug("data")
def val_in_train(script: Script) -> None:
    """Train still holds the rows that were split off as val."""
    (x, y), (val_x, val_y) = rows(script.train), rows(script.val)
    script.train = loader(torch.cat([x, val_x]), torch.cat([y, val_y]))


@bug("data")
def label_column(script: Script) -> None:
    """The label stayed among the inputs of train and val; test has none, so zeros."""
    *known, (x, y) = script.splits
    with_label = [(torch.cat([y[:, None], x], dim=1), y) for x, y in known]
    script.use(with_label[0], with_label[1], (F.pad(x, (1, 0)), y))
    script.model[0] = nn.Linear(65, 32)
    script.optimizer = Adam(script.model.parameters(), lr=3e-3)


@bug("data")
def missing_values(script: Script) -> None:
    """A few empty cells of the table were read as NaN."""
    rows(script.train)[0][::97, 20] = torch.nan


@bug("data")
def divided_by_nearly_zero(script: Script) -> None:
    """Standardized with an epsilon of 1e-8: pixels that are constant in train explode in val."""
    train, *_ = raw = digits(script.seed, standardize=False)
    mean, std = train[0].mean(0), train[0].std(0) + 1e-8
    script.use(*[((x - mean) / std, y) for x, y in raw])


@bug("data")
def sorted_by_class(script: Script) -> None:
    """The file is sorted by class, and the loader does not shuffle."""
    x, y = rows(script.train)
    script.train = loader(x[y.argsort()], y.sort().values, shuffle=False)


@bug("data")
def split_before_shuffle(script: Script) -> None:
    """A file sorted by class was cut into train and val before it was shuffled."""
    (x, y), (val_x, val_y), test = script.splits
    x, y = torch.cat([x, val_x]), torch.cat([y, val_y])
    first, last = y.argsort().tensor_split([len(x) - len(val_x)])
    script.use((x[first], y[first]), (x[last], y[last]), test)


@bug("data")
def half_empty(script: Script) -> None:
    """The array was made of zeros, and the loop that fills it stops at half of the columns."""
    script.use(*[(F.pad(x[:, :32], (0, 32)), y) for x, y in script.splits])
