import json

import numpy as np
import pytest
import torch

from course_utils import claims
from course_utils.claims import ClaimError, claim
from course_utils.display import CLAIM
from course_utils.stats import Estimate, mean_ci


@pytest.fixture
def published(monkeypatch):
    bundles = []
    monkeypatch.setattr(claims, "publish", bundles.append)
    return bundles


def test_a_true_claim_is_published_with_its_evidence(published) -> None:
    claim(
        "a-b",
        "It is **larger** than `0`.",
        holds=torch.tensor(True),
        estimate=Estimate(0.021, 0.011, 0.031, 5),
        unit="pp",
        baseline=np.float64(0.774321),
        tensor=torch.tensor(0.123456),
        table=np.arange(2),
    )
    (bundle,) = published
    entry = bundle[CLAIM]
    assert json.loads(json.dumps(entry)) == entry
    assert entry["verdict"] == "holds"
    assert entry["estimate"] == "+2.1 ± 1.0 pp"
    assert (entry["n"], entry["over"]) == (5, "seeds")
    assert entry["evidence"]["baseline"] == "0.7743"
    assert entry["evidence"]["tensor"] == "0.1235"
    assert 'id="claim-a-b"' in bundle["text/html"]
    assert "<strong>larger</strong> than <code>0</code>" in bundle["text/html"]


def test_per_cent_is_written_as_in_the_prose(published) -> None:
    claim("x", f"{0.5:.0%} at first, {Estimate(0.65, 0.6, 0.7, 5):.0%} later.", holds=True)
    assert published[0][CLAIM]["text"] == "50 % at first, 65 ± 5 % later."


@pytest.mark.parametrize("holds", [False, np.bool_(False), torch.tensor([False])])
def test_a_false_claim_raises(published, holds) -> None:
    with pytest.raises(ClaimError, match=r"claim 'x' does not hold.*seeds.*loss: 3"):
        claim("x", "Nothing.", holds=holds, estimate=Estimate(1, 0, 2, 4), loss=3)
    assert not published


def test_a_claim_that_could_not_be_tested_is_never_passed(published) -> None:
    claim("x", "On real data.", holds=False, when=False)
    (bundle,) = published
    assert bundle[CLAIM]["verdict"] == "not evaluated"
    assert "claim-not-evaluated" in bundle["text/html"]
    assert "Claim (not evaluated)" in bundle["text/plain"]


def test_an_array_of_verdicts_is_refused(published) -> None:
    with pytest.raises(TypeError, match="holds must be a bool, or hold exactly one"):
        claim("x", "Which one?", holds=np.array([True, False]))


@pytest.mark.parametrize(
    "holds",
    [
        (np.array([1, 2]) > 3).all,  # forgotten parentheses
        Estimate(-2, -3, -1, 5),  # forgotten `.low > 0`
        float("nan"),
        torch.tensor(1.0),
        None,
    ],
)
@pytest.mark.parametrize("when", [True, False])
def test_what_is_not_a_bool_cannot_pass(published, holds, when) -> None:
    with pytest.raises(TypeError, match="holds must be a bool"):
        claim("x", "t", holds=holds, when=when)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id": "Upper", "text": "t"}, "id must be lower-case words"),
        ({"id": "x", "text": "  "}, "text must be a sentence"),
        ({"id": "x", "text": "t", "unit": "seconds"}, "unit must be"),
    ],
)
def test_bad_input_is_named(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        claim(**arguments, holds=True)


def test_an_interval_may_be_over_something_else_than_seeds(published) -> None:
    claim("x", "t", holds=True, estimate=Estimate(1, 0, 2, 1821), over="sentences")
    assert "(95 % interval, 1821 sentences)" in published[0]["text/html"]


def test_markup_in_the_text_is_escaped(published) -> None:
    claim("x", "1 < 2 & `<b>`", holds=True)
    assert "1 &lt; 2 &amp; <code>&lt;b&gt;</code>" in published[0]["text/html"]


def test_stars_in_code_and_products_are_no_emphasis(published) -> None:
    claim("x", "`a * b * c` and `a**2 + b**2` are 2 * 3 * 4, *really*", holds=True)
    expected = "<code>a * b * c</code> and <code>a**2 + b**2</code> are 2 * 3 * 4, <em>really</em>"
    assert expected in published[0]["text/html"]


@pytest.mark.parametrize(
    ("half_width", "unit", "text"),
    [
        (0.0002, "pp", "+0.03 ± 0.02 pp"),
        (0.0003, "%", "0.03 ± 0.03 %"),
        (0.02, "pp", "+0.0 ± 2.0 pp"),
        (1e-9, "", "0.0003000000 ± 0.0000000010"),
        (float("inf"), "", "0.0003 ± inf"),
    ],
)
def test_no_interval_is_printed_as_zero(published, half_width, unit, text) -> None:
    estimate = Estimate(0.0003, 0.0003 - half_width, 0.0003 + half_width, 5)
    claim("x", "t", holds=True, estimate=estimate, unit=unit)
    assert published[0][CLAIM]["estimate"] == text


def test_the_level_of_the_interval_is_printed(published) -> None:
    claim("x", "t", holds=True, estimate=mean_ci([1.0, 2.0, 3.0], level=0.5))
    assert "(50 % interval, 3 seeds)" in published[0]["text/plain"]


@pytest.mark.parametrize(
    ("half_width", "text"), [(0.0034, "0.7810 ± 0.0034"), (0.0, "0.781 ± 0.000"), (12.0, "1 ± 12")]
)
def test_digits_follow_the_uncertainty(published, half_width, text) -> None:
    mean = float(text.split()[0])
    claim("x", "t", holds=True, estimate=Estimate(mean, mean - half_width, mean + half_width, 3))
    assert published[0][CLAIM]["estimate"] == text
