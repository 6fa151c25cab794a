"""What a session makes of workers that do not keep to the protocol."""

from __future__ import annotations

import time

import pytest
from grading_programs import WORK, Program
from grading_runs import calls, is_right, notebook, package
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import session
from grading.box import SandboxError
from grading.channel import Channel, Stopped
from grading.conversation import Conversation


@pytest.fixture
def talk(tmp_path):
    """Run a program in place of a worker, and make four calls."""

    def talk(code: str, **limits):
        path = tmp_path / "notebook.ipynb"
        path.write_text(notebook())
        program = Program(WORK + code)
        asked = calls("scale", "shift")
        done = session.run(path, package(**limits), asked, program)
        right = sum(map(is_right, asked, done.answers))
        return done, right, program.starts

    return talk


@pytest.mark.parametrize(
    "code",
    [
        "for _ in range(9): send(id=run['id'], status='answered', value=[1, 2, 3])",
        "for _ in range(9): answer(id='0' * 16)",
        "while True: answer(status='right')",
        "while True: answer(status=['answered'])",
        "while True: answer(text=5)",
        "while True: receive(); send(note=['channel', 'all is fine'])",
        "while True: receive(); send(note=['cell', 5])",
        "while True: receive(); send(note='x')",
        "while True: receive(); send(status='answered', value=3)",
        "while True: answer(); send(id=None)",
    ],
)
def test_forged_messages_answer_nothing(talk, code) -> None:
    done, right, starts = talk(code)
    assert right == 0
    assert {answer.status for answer in done.answers} <= {"died", "answered"}
    assert "channel" in {note.kind for note in done.notes}
    assert 2 <= starts <= 3


@pytest.mark.parametrize("cell", ["'x'", "1.5", "True", "[1]", "None", "0", "-1"])
def test_a_cell_that_cannot_be_ends_the_conversation(tmp_path, cell) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(notebook())
    code = f"receive(); send(id='hello'); run = receive(); send(id=run['id'], cell={cell})"
    done = session.run(path, package(), calls("scale"), Program(code))
    assert [answer.status for answer in done.answers] == ["died"] * 2
    assert "it named a cell that cannot be" in done.notes[0].text


def test_a_worker_is_not_started_for_ever(tmp_path) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(notebook())
    code = "import random\nreceive(); send(id='hello'); run = receive()\n"
    code += "send(id=run['id'], cell=random.randrange(1, 10**9)); sys.exit(0)"
    program = Program(code)
    done = session.run(path, package(), calls("scale"), program)
    assert program.starts == session.STARTS
    assert [answer.status for answer in done.answers] == ["not reached"] * 2


def test_notes_are_few_and_can_be_shown_anywhere(talk) -> None:
    note = "send(note=['cell', f'{i}\\x1b[31m\\u202e<b>\\n' + 'z' * 9999])"
    done, _, _ = talk(f"for i in range(3000): {note}", answer=1 << 20)
    texts = [note.text for note in done.notes]
    assert 30 < len(texts) < 60
    assert all(text.isprintable() and len(text) <= 600 for text in texts)


def test_all_workers_together_may_send_so_much(tmp_path) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(notebook())
    program = Program(WORK + "answer(text='x' * 100_000); receive(); sys.exit(0)")
    done = session.run(path, package(answer=256 << 10), calls(), program)
    statuses = [answer.status for answer in done.answers]
    assert statuses == ["answered", "died", "answered", "died", "died", "died"]
    assert "power: the grader's channel was used" in done.notes[-1].text
    assert program.starts == 3


@pytest.mark.parametrize(
    "code", ["print('no torch', file=sys.stderr); sys.exit(1)", "send(id='x')"]
)
def test_a_worker_that_does_not_start_is_no_fault_of_the_notebook(tmp_path, code) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(notebook())
    with pytest.raises(SandboxError, match=r"no torch|another program"):
        session.run(path, package(), calls(), Program(code))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
STATUS = PLAIN | st.sampled_from(["answered", "raised", "timed out", "right"])
TENSORS = st.fixed_dictionaries({"tensor": PLAIN, "shape": PLAIN, "dtype": st.just("float64")})
FIELDS = {"status": STATUS, "text": PLAIN, "value": PLAIN | TENSORS, "id": PLAIN}
NOTES = st.tuples(st.sampled_from(["cell", "channel"]), PLAIN).map(list)
MESSAGES = (
    st.fixed_dictionaries({}, optional=FIELDS)
    | st.fixed_dictionaries({"cell": PLAIN | st.integers(1, 9)})
    | st.fixed_dictionaries({"note": PLAIN | NOTES})
)


def channel_of(messages: list, knows_tokens: bool) -> type:
    """A channel that says these, to whatever it is asked, and then that its process has ended."""

    class Said:
        left, printed, tail = 10_000, 0, b""
        rest = iter([{"id": "hello"}, *messages])

        def __init__(self, box, most):
            self.token = None

        def send(self, message):
            self.token = message.get("id")

        def receive(self, deadline):
            message = next(self.rest, None)
            if message is None:
                raise Stopped("ended", "exit code 0")
            return message | ({"id": self.token} if knows_tokens and self.token else {})

        def close(self):
            pass

    return Said


@given(st.lists(MESSAGES | st.just({"done": True}), max_size=20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_message_makes_a_conversation_fail(messages, knows_tokens) -> None:
    asked = calls()
    conversation = Conversation({}, "", asked, package().limits, time.monotonic() + 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.conversation.Channel", channel_of(messages, knows_tokens))
        conversation.go_on(None)
    done = conversation.transcript(0)
    assert len(done.answers) == len(asked)
    assert not any(map(is_right, asked, done.answers))


def test_nothing_is_left_when_it_is_interrupted(tmp_path, monkeypatch) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(notebook())
    left = []

    def interrupt(self, deadline):
        left.append(self._box.process)
        raise KeyboardInterrupt

    monkeypatch.setattr(Channel, "receive", interrupt)
    with pytest.raises(KeyboardInterrupt):
        session.run(path, package(), calls(), Program("import time; time.sleep(99)"))
    assert left[0].returncode == -9
