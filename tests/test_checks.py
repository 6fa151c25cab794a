"""Plain asserts as in a notebook: PYTEST_DONT_REWRITE keeps pytest from adding to messages."""

import pytest
import torch
from torch import nn

from course_utils import checks
from course_utils.checks import check, run_tests


def test_answer(attempt):
    """The answer is 42."""
    assert attempt() == 42, f"got {attempt()}"


def test_no_message(attempt):
    assert attempt() == 42


# Example tests, not tests of pytest.
test_answer.__test__ = False
test_no_message.__test__ = False


def stub():
    raise NotImplementedError


def statuses(attempt, *tests) -> list[str]:
    return [result.status for result in run_tests(attempt, *tests)]


@pytest.mark.parametrize("attempt", [stub, None, ...])
def test_a_stub_is_not_attempted_rather_than_wrong(attempt) -> None:
    assert statuses(attempt, test_answer, test_no_message) == ["not attempted"] * 2


def test_right_and_wrong() -> None:
    assert statuses(lambda: 42, test_answer) == ["right"]
    (result,) = run_tests(lambda: 41, test_answer)
    assert result == ("The answer is 42", "wrong", "got 41")


def test_a_bare_assert_shows_its_line() -> None:
    (result,) = run_tests(lambda: 41, test_no_message)
    assert result.title == "no message"
    assert "attempt() == 42" in result.hint


def test_an_exception_is_reported_and_not_raised() -> None:
    (result,) = run_tests(lambda: 1 / 0, test_answer)
    assert result.status == "wrong"
    assert "ZeroDivisionError: division by zero" in result.hint


def test_a_misspelt_forward_is_wrong_not_unattempted() -> None:
    class Model(nn.Module):
        def foward(self, x):
            return x

    def test_call(model):
        model(torch.ones(1))

    (result,) = run_tests(Model(), test_call)
    assert result.status == "wrong"
    assert "forward" in result.hint


def test_check_publishes_text_and_markup(monkeypatch) -> None:
    bundles = []
    monkeypatch.setattr(checks, "publish", bundles.append)
    check(lambda: "<i>", test_answer)
    assert bundles[0]["text/plain"] == "✗ The answer is 42 - wrong: got <i>"
    assert "got &lt;i&gt;" in bundles[0]["text/html"]


def test_no_test_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one function"):
        check(stub)
