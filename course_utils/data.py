"""The data sets: SST-2, digits, spirals; `python -m course_utils.data` downloads them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from course_utils.corpus import ROWS, read_rows, sst2_files, sst2_status
from course_utils.fetching import FetchError, fetch
from course_utils.standin import standin_rows

__all__ = [
    "SST2",
    "Digits",
    "Examples",
    "FetchError",
    "Sst2Split",
    "Texts",
    "digits",
    "fetch",
    "spiral",
    "sst2",
    "sst2_status",
]

Sst2Split = Literal["official", "lecture"]
LECTURE_TRAIN_ROWS = 5000


@dataclass(frozen=True, eq=False, repr=False)
class Texts:
    """Texts and their labels: `texts`, a list of N strings; `labels`, long [N]."""

    texts: list[str]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Texts({len(self)} texts, labels {self.labels.bincount().tolist()})"


@dataclass(frozen=True, eq=False)
class SST2:
    """Sentences of film reviews, label 1 for positive; `real` is False for the stand-in."""

    train: Texts
    dev: Texts
    test: Texts
    real: bool
    source: str


def sst2(split: Sst2Split = "official") -> SST2:
    """SST-2, the two-class Stanford Sentiment Treebank of whole sentences, or its stand-in.

    split: "official" has 6920/872/1821 rows; "lecture" takes the first 5000 rows of the official
    train as train and its other 1920 as test, as the lecture does, and keeps the official dev.
    Without files and network a generated corpus of the same shape is returned, with a notice.

    Raises ValueError for another split, or a damaged file in COURSE_DATA_DIR.
    Source: Socher et al. 2013, files of github.com/clairett/pytorch-sentiment-classification.
    """
    if split not in get_args(Sst2Split):
        raise ValueError(f'split must be "official" or "lecture", got {split!r}')
    try:
        rows = {part: read_rows(file) for part, file in sst2_files().items()}
        real, source = True, "SST-2"
    except FetchError as error:
        rows = {part: standin_rows(count, seed=count) for part, count in ROWS.items()}
        real, source = False, f"generated stand-in, because SST-2 is not here: {error}"
        # On stdout, not a warning: pages drop stderr, and this must be seen.
        print(f"NOT SST-2 but a stand-in: claims about SST-2 are not evaluated. Reason: {error}.")
    if split == "lecture":
        every = rows["train"]
        rows["train"], rows["test"] = every[:LECTURE_TRAIN_ROWS], every[LECTURE_TRAIN_ROWS:]
    return SST2(_texts(rows["train"]), _texts(rows["dev"]), _texts(rows["test"]), real, source)


def _texts(rows: Sequence[tuple[str, int]]) -> Texts:
    return Texts([text for text, _ in rows], torch.tensor([label for _, label in rows]))


@dataclass(frozen=True, eq=False, repr=False)
class Examples:
    """Numbers and their labels: `inputs`, float [N, D]; `labels`, long [N]."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Examples({len(self)} examples of {self.inputs.shape[1]} numbers)"


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits in three parts; `clean_labels`, long [N]: those of train without noise."""

    train: Examples
    val: Examples
    test: Examples
    clean_labels: Tensor


def digits(
    seed: int = 0,
    *,
    train: int = 1000,
    val: int = 297,
    test: int = 500,
    label_noise: float = 0.0,
    standardize: bool = True,
) -> Digits:
    """scikit-learn's 1797 handwritten digits of 8x8 pixels, shuffled by `seed` and divided.

    train, val, test: rows of each part, float32 [rows, 64]. label_noise: share of the train labels
    replaced by a class drawn uniformly from all ten, so that a tenth of those stay right.
    standardize: (x - mean) / (std + 0.01) with train's mean and std of pixels in [0, 1]; the 0.01
    keeps a pixel that is constant, or nearly, at the size of the others. Without: pixels in [0, 1].

    Raises ValueError for sizes that do not fit and a label_noise outside [0, 1].

    >>> digits().train
    Examples(1000 examples of 64 numbers)
    """
    from sklearn.datasets import load_digits

    if not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise must lie in [0, 1], got {label_noise}")
    pixels, classes = load_digits(return_X_y=True)
    if min(train, val, test) < 1 or train + val + test > len(classes):
        raise ValueError(
            f"train, val and test must be at least 1 and at most {len(classes)} together, "
            f"got {train}, {val} and {test}"
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(classes), generator=generator)[: train + val + test]
    x, y = torch.from_numpy(pixels / 16).float()[order], torch.from_numpy(classes).long()[order]
    if standardize:
        x = (x - x[:train].mean(0)) / (x[:train].std(0, correction=0) + 0.01)
    clean, y[:train] = y[:train].clone(), _with_noise(y[:train], label_noise, generator)
    ends = (0, train, train + val, len(order))
    first, second, third = (Examples(x[a:b], y[a:b]) for a, b in pairwise(ends))
    return Digits(first, second, third, clean)


def _with_noise(labels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    # Both draws have the size of all labels, so a larger share replaces the same ones and more.
    chosen = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    drawn = torch.randint(10, (len(labels),), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = drawn[chosen]
    return noisy


def spiral(seed: int = 0, *, points: int = 100, classes: int = 3, noise: float = 0.2) -> Examples:
    """Arms of a spiral, one a class, `points` of each: inputs float32 [points * classes, 2].

    Point i of arm k lies at radius r = i / (points - 1), angle 4 (k + r) + noise N(0, 1) radians,
    as (r sin, r cos). Raises ValueError for fewer than 2 points, no class, a negative noise.
    Source: Karpathy, CS231n notes, "Putting it together: minimal neural network case study".

    >>> spiral(points=5).labels.tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    """
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise must be non-negative and finite, got {noise}")
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(points)
    radius = torch.linspace(0, 1, points).repeat(classes)
    angle = 4 * (labels + radius) + noise * torch.randn(len(labels), generator=generator)
    return Examples(torch.stack([radius * angle.sin(), radius * angle.cos()], dim=1), labels)


def main() -> int:
    """Fetch SST-2 and say what is here; 1 when it is only the stand-in."""
    data = sst2()
    if data.real:
        for part, file in sst2_files().items():
            print(f"sst2 {part}: {ROWS[part]} rows, {file}")
    return 0 if data.real else 1


if __name__ == "__main__":
    sys.exit(main())
