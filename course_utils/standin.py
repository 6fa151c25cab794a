"""A made-up corpus for when SST-2 cannot be had: the same shape, and as hard to classify."""

from __future__ import annotations

import random
from itertools import accumulate

# Each list runs from frequent to rare.
FUNCTION_WORDS = "the a , and of to . is it in that with but as this for its are be on an by"
NOUNS = "film movie story cats plot cast scene script ending dialogue director comedy drama"
NEGATIONS = "not never n't hardly"
POSITIVE = (
    "good funny best perfect love great moving charming fresh clever fun enjoyable warm beautiful "
    "touching powerful smart delightful sweet compelling rich honest tender gripping witty bright "
    "graceful vivid superb lively"
)
NEGATIVE = (
    "bad dull worst boring flat silly lacks mess bland stupid slow tired predictable awful shallow "
    "cold empty tedious lame clumsy hollow stale ugly noisy painful weak forced murky messy dreary"
)
SYLLABLES = "ba ce di fo gu ha ki lo mu ne pa ri so tu va we xi yo zu bra cle dro fli gra"

OPINIONS = 0.17  # share of words that carry sentiment
AGREES = 0.82  # share of those that say what the label says
NEGATED = 0.12  # share of those that come negated: the word says the opposite of what is meant
PSEUDO_WORDS = 4500  # most of them too rare for a vocabulary, as in real text


class _Zipf:
    """Draws words with frequencies proportional to 1 / (rank + shift)."""

    def __init__(self, words: list[str], shift: float = 2.0) -> None:
        self.words = words
        self.cumulative = list(accumulate(1 / (rank + shift) for rank in range(len(words))))

    def draw(self, source: random.Random) -> str:
        return source.choices(self.words, cum_weights=self.cumulative)[0]


def standin_rows(count: int, seed: int) -> list[tuple[str, int]]:
    """Generated (text, label) pairs: the same ones for the same count and seed, everywhere.

    A text has 6 to 30 tokens: function words, nouns, pseudo-words, and words of sentiment, which
    agree with the label more often than not; some are negated, which a bag of words cannot see.
    Labels are 1 with probability 0.52.

    >>> standin_rows(2, seed=0) == standin_rows(2, seed=0)
    True
    """
    source = random.Random(seed)
    sides = (_Zipf(NEGATIVE.split()), _Zipf(POSITIVE.split()))
    filler = (_Zipf(FUNCTION_WORDS.split()), _Zipf(NOUNS.split()), _Zipf(_pseudo_words(), 60.0))
    rows = []
    for _ in range(count):
        label = int(source.random() < 0.52)
        words: list[str] = []
        length = 6 + int(24 * source.random())
        while len(words) < length:
            if source.random() < OPINIONS:
                words += _opinion(label, sides, source)
            else:
                words.append(source.choices(filler, cum_weights=(45, 55, 100))[0].draw(source))
        rows.append((" ".join(words), label))
    return rows


def _opinion(label: int, sides: tuple[_Zipf, _Zipf], source: random.Random) -> list[str]:
    meant = label if source.random() < AGREES else 1 - label
    if source.random() < NEGATED:
        return [source.choice(NEGATIONS.split()), sides[1 - meant].draw(source)]
    return [sides[meant].draw(source)]


def _pseudo_words() -> list[str]:
    source = random.Random(0)
    words: dict[str, None] = {}  # a dict keeps the order, a set would not
    while len(words) < PSEUDO_WORDS:
        words["".join(source.choices(SYLLABLES.split(), k=2 + int(2 * source.random())))] = None
    return list(words)
