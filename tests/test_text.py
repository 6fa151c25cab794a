"""Tokens, vocabulary, bags of words."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from course_utils.data import sst2
from course_utils.text import (
    Vocabulary,
    bag_of_ids,
    bag_of_words,
    log_count_ratio,
    tokenize,
)

TEXTS = ["Cats are perfect, cats ARE cats.", "dogs aren't", "dogs -- and cats!", "birds"]
needs_sst2 = pytest.mark.skipif(
    not os.environ.get("COURSE_DATA_DIR"), reason="COURSE_DATA_DIR is not set: no SST-2 here"
)


def test_tokenize_splits_words_from_signs() -> None:
    assert tokenize("It's 3.5 stars -- Ça va?!") == [
        *("it", "'", "s", "3", ".", "5", "stars", "--", "ça", "va", "?!")
    ]
    assert tokenize("Cats", lowercase=False) == ["Cats"]
    assert tokenize("") == []


def test_vocabulary_keeps_tokens_seen_min_count_times() -> None:
    assert Vocabulary.from_texts(TEXTS, min_count=2).tokens == ("are", "cats", "dogs")
    assert Vocabulary.from_texts(TEXTS, min_count=4).tokens == ("cats",)
    assert "!" in Vocabulary.from_texts(TEXTS)


def test_vocabulary_is_consistent() -> None:
    vocabulary = Vocabulary.from_texts(TEXTS)
    for i, token in enumerate(vocabulary):
        assert vocabulary[token] == vocabulary.index(token) == i
        assert token in vocabulary
    assert len(vocabulary) == len(vocabulary.tokens)
    assert "whales" not in vocabulary
    assert vocabulary == Vocabulary(list(reversed(vocabulary.tokens)))
    with pytest.raises(KeyError, match="whales"):
        vocabulary["whales"]


def test_building_and_encoding_treat_capitals_alike() -> None:
    lower = Vocabulary.from_texts(TEXTS)
    assert lower.encode("CATS, whales") == [lower["cats"], lower[","]]
    cased = Vocabulary.from_texts(TEXTS, lowercase=False)
    assert cased["Cats"] != cased["cats"]
    assert cased.encode("CATS Cats") == [cased["Cats"]]


def test_ids_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "from course_utils.text import Vocabulary\n"
        f"print([*Vocabulary.from_texts({TEXTS!r})], Vocabulary({{'b', 'a', 'c', 'd'}}).tokens)"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert "'cats'" in printed[0]


@needs_sst2
def test_the_lecture_counts_1839_words() -> None:
    train = sst2("lecture").train
    vocabulary = Vocabulary.from_texts(train.texts, min_count=6)
    first = bag_of_words(train.texts[:1], vocabulary)
    assert len(vocabulary) == 1839
    assert first.sum() == 14
    assert first.count_nonzero() == 12


@pytest.mark.parametrize("binary", [False, True])
@given(texts=st.lists(st.text("ab .,'Ä1", max_size=20), min_size=1, max_size=6))
def test_bags_equal_those_of_scikit_learn(binary: bool, texts: list[str]) -> None:
    vocabulary = Vocabulary.from_texts(["a b ab ba . , ' ä 1 aa", *texts], min_count=1)
    peer = CountVectorizer(
        tokenizer=tokenize, token_pattern=None, vocabulary=list(vocabulary.tokens), binary=binary
    )
    expected = peer.fit_transform(texts).toarray()
    dense = bag_of_words(texts, vocabulary, binary=binary)
    sparse = bag_of_words(texts, vocabulary, binary=binary, sparse=True)
    assert dense.dtype == torch.float32
    assert np.array_equal(dense.numpy(), expected)
    assert np.array_equal(sparse.toarray(), expected)
    ids, counts = bag_of_ids(texts, vocabulary, binary=binary)
    rebuilt = torch.zeros(len(texts), len(vocabulary) + 1).scatter_add_(1, ids, counts)
    assert np.array_equal(rebuilt[:, :-1].numpy(), expected)
    assert (counts[ids == len(vocabulary)] == 0).all()
    assert (counts[ids < len(vocabulary)] > 0).all()
    for row in ids:
        known = row[row < len(vocabulary)]
        assert len(known.unique()) == len(known)


def test_vocabulary_equals_that_of_scikit_learn() -> None:
    peer = CountVectorizer(tokenizer=tokenize, token_pattern=None).fit(TEXTS)
    assert Vocabulary.from_texts(TEXTS).tokens == tuple(peer.get_feature_names_out())


@pytest.mark.parametrize("text", ["", "   ", "whales!?"])
def test_a_text_without_a_known_token_is_a_row_of_zeros(text: str) -> None:
    vocabulary = Vocabulary(["cats"])
    assert bag_of_words([text, "cats"], vocabulary).tolist() == [[0], [1]]
    assert bag_of_words([text], vocabulary, sparse=True).toarray().tolist() == [[0]]
    ids, counts = bag_of_ids([text, "cats"], vocabulary)
    assert (ids.tolist(), counts.tolist()) == ([[1], [0]], [[0], [1]])
    ids, counts = bag_of_ids([text], vocabulary)
    assert ids.shape == counts.shape == (1, 0)
    assert ids.dtype == torch.long


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Vocabulary.from_texts(TEXTS, 0),
            ValueError,
            "min_count must be at least 1, got 0",
        ),
        (lambda: Vocabulary.from_texts(TEXTS, 99), ValueError, "min_count=99"),
        (lambda: Vocabulary.from_texts([]), ValueError, "texts must not be empty"),
        (lambda: Vocabulary.from_texts(["", " "]), ValueError, "texts have no token"),
        (lambda: Vocabulary.from_texts("one text"), TypeError, "texts must be a list"),
        (
            lambda: Vocabulary.from_texts(["a", 3]),
            TypeError,
            r"texts\[1\] must be a string, got int",
        ),
        (lambda: Vocabulary([]), ValueError, "tokens must not be empty"),
        (lambda: tokenize(None), TypeError, "text must be a string, got NoneType"),
        (lambda: bag_of_words([], Vocabulary(["a"])), ValueError, "texts must not be empty"),
        (lambda: bag_of_words("a", Vocabulary(["a"])), TypeError, "texts must be a list"),
        (lambda: bag_of_ids([], Vocabulary(["a"])), ValueError, "texts must not be empty"),
        (lambda: bag_of_ids([None], Vocabulary(["a"])), TypeError, r"texts\[0\] must be a string"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("alpha", [0.5, 1.0])
@pytest.mark.parametrize("sparse", [False, True])
def test_log_count_ratio_is_the_one_of_naive_bayes(alpha, sparse) -> None:
    from scipy.sparse import csr_matrix
    from sklearn.naive_bayes import MultinomialNB

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (50, 12)).astype(float), rng.integers(0, 2, 50)
    model = MultinomialNB(alpha=alpha).fit(x, y)
    expected = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    ratio = log_count_ratio(csr_matrix(x) if sparse else x, y, alpha)
    np.testing.assert_allclose(ratio, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("labels", "alpha", "message"),
    [
        ([1, 1], 1.0, "both present"),
        ([0, 2], 1.0, "zeros and ones"),
        ([0, 1, 1], 1.0, "labels must be 2"),
        ([0, 1], 0.0, "alpha must be positive, got 0.0"),
    ],
)
def test_log_count_ratio_names_bad_input(labels, alpha, message) -> None:
    with pytest.raises(ValueError, match=message):
        log_count_ratio(np.eye(2), np.array(labels), alpha)
