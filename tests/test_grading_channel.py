"""The grader's end of the channel, with processes at the other end that are no honest workers."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from grading_programs import Program
from grading_runs import package

from grading.channel import Channel, Stopped


@contextmanager
def channel(code: str, most: int = 1 << 20, exceeded: str = ""):
    with Program(code, exceeded).open(package().limits) as box:
        opened = Channel(box, most)
        yield opened
        opened.close()


def receive(code: str, seconds: float = 30, **options):
    with channel(code, **options) as opened:
        return opened.receive(time.monotonic() + seconds)


def test_messages_come_in_order_and_in_pieces() -> None:
    slowly = 'for c in \'{"a": [1, "é"]}\\n{"b": 2}\\n\'.encode(): os.write(1, bytes([c]))'
    with channel(slowly) as opened:
        assert opened.receive(time.monotonic() + 30) == {"a": [1, "é"]}
        assert opened.receive(time.monotonic() + 30) == {"b": 2}


def test_a_large_message_reaches_its_reader() -> None:
    with channel("send(got=len(receive()['x']))") as opened:
        opened.send({"x": "é" * 3_000_000})
        assert opened.receive(time.monotonic() + 30) == {"got": 3_000_000}


@pytest.mark.parametrize(
    "line",
    [
        r"b'no JSON\n'",
        r"b'\xff\xfe{}\n'",
        r"b'[' * 100_000 + b'\n'",
        r"b'{\"a\":' * 50_000 + b'1' + b'}' * 50_000 + b'\n'",
        r"b'{\"a\": NaN}\n'",
        r"b'{\"a\": -Infinity}\n'",
        r"b'{\"a\": 1e999}\n'",
        r"b'{\"a\": ' + b'9' * 5000 + b'}\n'",
        r"b'{\"a\": \"\\ud800\"}\n'",
        r"b'[1, 2]\n'",
        r"b'\n'",
    ],
    ids=[
        *("text", "bytes", "deep", "deep_dict", "nan", "infinity", "huge_float", "huge_int"),
        *("surrogate", "list", "nothing"),
    ],
)
def test_what_no_worker_sends_ends_the_conversation(line) -> None:
    with pytest.raises(Stopped) as stop:
        receive(f"import time\nos.write(1, {line})\nwhile True: os.write(1, b'x' * 65536)")
    assert stop.value.reason == "channel"


@pytest.mark.parametrize("piece", ["b'x'", "b'{}'", "b'[1,'"])
def test_a_line_without_an_end_is_not_waited_for(piece) -> None:
    with pytest.raises(Stopped, match="it sent more than it may"):
        receive(f"while True: os.write(1, {piece} * 9999)")


def test_what_is_sent_is_counted_over_all_messages() -> None:
    with channel("while receive(): send(text='x' * 1000)", most=5500) as opened:
        for _ in range(5):
            opened.send({"more": True})
            opened.receive(time.monotonic() + 30)
        opened.send({"more": True})
        with pytest.raises(Stopped, match="it sent more than it may"):
            opened.receive(time.monotonic() + 30)


@pytest.mark.parametrize(
    ("code", "reason", "text"),
    [
        ("sys.exit(0)", "ended", "exit code 0"),
        ("sys.exit(7)", "ended", "exit code 7"),
        ("os.kill(os.getpid(), 11)", "ended", "killed by SIGSEGV"),
        ("os.close(1); import time; time.sleep(60)", "channel", "it was closed"),
    ],
)
def test_how_a_process_ended_is_told(code, reason, text) -> None:
    with pytest.raises(Stopped) as stop:
        receive(code)
    assert (stop.value.reason, stop.value.text) == (reason, text)


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(60)", "while True: sys.stderr.write('x' * 100)"]
)
def test_silence_ends_in_time_whether_it_reads_or_not(code) -> None:
    with channel(code) as opened:
        opened.send({"x": "y" * 10_000_000})
        begin = time.monotonic()
        with pytest.raises(Stopped) as stop:
            opened.receive(begin + 0.5)
    assert stop.value.reason == "timed out"
    assert time.monotonic() - begin < 5


def test_what_is_printed_is_counted_and_has_an_end(monkeypatch) -> None:
    monkeypatch.setattr("grading.channel._PRINTS", 5_000_000)
    with channel("sys.stderr.write('x' * 3_000_000 + 'end')\nsend()") as opened:
        opened.receive(time.monotonic() + 30)
        assert opened.printed <= 3_000_003
    with pytest.raises(Stopped, match="it printed more than"):
        receive("while True: sys.stderr.write('x' * 100_000)")


def test_excess_is_seen_while_it_is_silent() -> None:
    with pytest.raises(Stopped) as stop:
        receive("import time; time.sleep(60)", exceeded="it used too much")
    assert (stop.value.reason, stop.value.text) == ("used up", "it used too much")
