"""From sentences to counts of words: tokens, a vocabulary, bags of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal, overload

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def tokenize(text: str, lowercase: bool = True) -> list[str]:
    r"""Runs of letters and digits, and runs of other signs: nltk's WordPunctTokenizer.

    Raises TypeError when text is not a string.

    >>> tokenize("Cats aren't perfect...")
    ['cats', 'aren', "'", 't', 'perfect', '...']
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    tokens: list[str] = _word_punct().tokenize(text.lower() if lowercase else text)
    return tokens


@cache
def _word_punct() -> Any:
    from nltk.tokenize import WordPunctTokenizer  # here: it takes a second to import

    return WordPunctTokenizer()


class Vocabulary:
    """Tokens and their ids, 0 to len - 1 in the order of the alphabet.

    Sorted, because the order of a set changes with PYTHONHASHSEED: ids taken from it would not fit
    the weights saved by another process. Building and encoding tokenize in the same way.

    >>> vocabulary = Vocabulary.from_texts(["cats are perfect", "cats are cats"], min_count=2)
    >>> vocabulary.tokens, vocabulary["cats"], "perfect" in vocabulary
    (('are', 'cats'), 1, False)
    >>> vocabulary.encode("Cats ARE perfect")
    [1, 0]
    """

    def __init__(self, tokens: Sequence[str], *, lowercase: bool = True) -> None:
        self.tokens = tuple(sorted(set(_check_texts(tokens, "tokens"))))
        self.lowercase = lowercase
        self._ids = {token: i for i, token in enumerate(self.tokens)}

    @classmethod
    def from_texts(
        cls, texts: Sequence[str], min_count: int = 1, *, lowercase: bool = True
    ) -> Vocabulary:
        """Vocabulary of the tokens that occur at least min_count times in texts.

        Raises ValueError for min_count < 1, an empty list, and when no token is left;
        TypeError when texts is not a list of strings.
        """
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1, got {min_count}")
        seen = Counter(t for text in _check_texts(texts) for t in tokenize(text, lowercase))
        kept = [token for token, count in seen.items() if count >= min_count]
        if not kept:
            raise ValueError(
                f"texts have no token that occurs at least min_count={min_count} times"
            )
        return cls(kept, lowercase=lowercase)

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        return self._ids[token]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.tokens, self.lowercase))

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def index(self, token: str) -> int:
        """Id of a token. Raises KeyError when it is not in the vocabulary."""
        return self._ids[token]

    def encode(self, text: str) -> list[int]:
        """Ids of the known tokens of a text, in its order; the others are left out."""
        return [self._ids[t] for t in tokenize(text, self.lowercase) if t in self._ids]


@overload
def bag_of_words(
    texts: Sequence[str],
    vocabulary: Vocabulary,
    *,
    binary: bool = ...,
    sparse: Literal[False] = ...,
) -> Tensor: ...
@overload
def bag_of_words(
    texts: Sequence[str], vocabulary: Vocabulary, *, binary: bool = ..., sparse: Literal[True]
) -> Any: ...
def bag_of_words(
    texts: Sequence[str], vocabulary: Vocabulary, *, binary: bool = False, sparse: bool = False
) -> Any:
    """How often each token of the vocabulary occurs in each text: [N, len(vocabulary)].

    binary: 1 for a token that occurs, however often. Returns a float32 tensor, or with sparse=True
    a scipy CSR matrix of float64, which scikit-learn's models take as it is. A text without a known
    token is a row of zeros. Raises ValueError for an empty list, TypeError for what is not text.

    >>> vocabulary = Vocabulary(["cats", "dogs"])
    >>> bag_of_words(["cats, cats", "birds"], vocabulary)
    tensor([[2., 0.],
            [0., 0.]])
    """
    bags = _count(texts, vocabulary, binary)
    rows = [row for row, bag in enumerate(bags) for _ in bag]
    columns = [token for bag in bags for token in bag]
    counts = [float(count) for bag in bags for count in bag.values()]
    shape = (len(bags), len(vocabulary))
    if sparse:
        from scipy.sparse import csr_matrix

        return csr_matrix((counts, (rows, columns)), shape=shape, dtype=float)
    dense = torch.zeros(shape)
    dense[rows, columns] = torch.tensor(counts)
    return dense


def bag_of_ids(
    texts: Sequence[str], vocabulary: Vocabulary, *, binary: bool = False
) -> tuple[Tensor, Tensor]:
    """The non-zero part of `bag_of_words`: ids, long [N, L], and their counts, float32 [N, L].

    A row has the ids of its text once each, in order, and is filled up to the length L of the
    longest with the id len(vocabulary) and the count 0. Errors as in `bag_of_words`.

    >>> bag_of_ids(["cats, dogs, cats", "dogs"], Vocabulary(["cats", "dogs"]))
    (tensor([[0, 1],
            [1, 2]]), tensor([[2., 1.],
            [1., 0.]]))
    """
    bags = _count(texts, vocabulary, binary)
    ids = [torch.tensor(sorted(bag), dtype=torch.long) for bag in bags]
    counts = [torch.tensor([float(bag[token]) for token in sorted(bag)]) for bag in bags]
    return (
        pad_sequence(ids, batch_first=True, padding_value=len(vocabulary)),
        pad_sequence(counts, batch_first=True),
    )


def log_count_ratio(x: Any, labels: Any, alpha: float = 1.0) -> Any:
    """Naive Bayes log-count ratio of each feature, [V]: how much more frequent among positives.

        r = log(p / sum(p)) - log(q / sum(q)),   p = alpha + sum of x_i with y_i = 1,   q with 0

    x: counts or 0/1 features [N, V], a NumPy array or a SciPy sparse matrix; labels: 0 or 1, [N].
    Raises ValueError for labels that are not 0 and 1, both present, or an alpha that is not
    positive. Source: Wang and Manning 2012, equation 1.

    >>> log_count_ratio(np.array([[3.0, 0.0], [0.0, 1.0]]), np.array([1, 0])).round(2)
    array([ 0.88, -1.2 ])
    """
    y = np.asarray(labels)
    if y.shape != (x.shape[0],) or set(y.tolist()) != {0, 1}:
        raise ValueError(f"labels must be {x.shape[0]} zeros and ones, both present, got {y}")
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, got {alpha}")
    p, q = (alpha + np.asarray(x[y == c].sum(axis=0)).ravel() for c in (1, 0))
    return np.log(p / p.sum()) - np.log(q / q.sum())


def _count(texts: Sequence[str], vocabulary: Vocabulary, binary: bool) -> list[Counter[int]]:
    bags = [Counter(vocabulary.encode(text)) for text in _check_texts(texts)]
    return [Counter(bag.keys()) for bag in bags] if binary else bags


def _check_texts(texts: Sequence[str], name: str = "texts") -> Sequence[str]:
    if isinstance(texts, str):
        raise TypeError(f"{name} must be a list of strings, got one string")
    if len(texts) == 0:
        raise ValueError(f"{name} must not be empty")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}] must be a string, got {type(text).__name__}")
    return texts
