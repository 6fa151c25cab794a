"""`fetch` against a server that does everything servers do."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from course_utils import fetching
from course_utils.data import FetchError, fetch

CONTENT = b"sentence\t1\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK: dict[str, Any] = {"timeout": 0.3, "time_limit": 2.0, "backoff": 0.01, "attempts": 2}


class Handler(BaseHTTPRequestHandler):
    """Behaves as the first part of the path says; counts its requests by path."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        way = self.path.split("/")[1].partition("?")[0]
        getattr(self, way)()

    def log_message(self, *args: object) -> None:
        pass

    def reply(self, body: bytes, length: int | None = None, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def good(self) -> None:
        self.reply(CONTENT)

    def missing(self) -> None:
        self.reply(b"no", status=404)

    def truncated(self) -> None:
        self.reply(CONTENT[:5000], length=len(CONTENT))

    def corrupt(self) -> None:
        self.reply(CONTENT.replace(b"1", b"0"))

    def hangs(self) -> None:
        time.sleep(1.0)

    def trickles(self) -> None:
        self.send_response(200)
        self.end_headers()
        for byte in CONTENT[:100]:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def trickles_headers(self) -> None:
        for byte in b"HTTP/1.0 200 " + b"O" * 160:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def garbage(self) -> None:
        self.wfile.write(b"\x00\xff\x00\r\n\r\n")

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 16))

    def redirects(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/good/file.tsv")
        self.end_headers()

    def loops(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path + "x")
        self.end_headers()

    def to_file(self) -> None:
        self.send_response(302)
        self.send_header("Location", "file:///etc/hostname")
        self.end_headers()

    def recovers(self) -> None:
        if self.seen.count(self.path) == 1:
            self.reply(b"busy", status=503)
        else:
            self.good()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up is what these tests are about


@pytest.fixture
def server() -> Iterator[Callable[[str], str]]:
    handler = type("Fresh", (Handler,), {"seen": []})
    with Server(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        url: Any = lambda way: f"http://127.0.0.1:{http.server_port}/{way}/file.tsv"  # noqa: E731
        url.seen = handler.seen
        yield url
        http.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("COURSE_DATA_DIR", "COURSE_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


@pytest.mark.parametrize("way", ["good", "redirects", "recovers"])
def test_fetches_and_then_uses_the_cache(way: str, server: Any, cache: Path) -> None:
    path = fetch(server(way), SHA256, **QUICK)
    assert path.read_bytes() == CONTENT
    assert leftovers(cache) == [str(cache / "file.tsv")]
    requests = len(server.seen)
    assert fetch(server(way), SHA256, **QUICK) == path
    assert len(server.seen) == requests


@pytest.mark.parametrize(
    ("way", "reason", "requests"),
    [
        ("missing", "HTTP 404", 1),
        ("truncated", "cut off after 5000 of 11000 bytes", 2),
        ("corrupt", "11000 bytes with sha256", 2),
        ("hangs", "no byte for 0.3 s", 2),
        ("trickles", "not complete after 1 s", 1),
        ("trickles_headers", "not complete after 1 s", 1),
        ("garbage", "", 2),
        ("endless", "larger than max_bytes=1000000", 1),
        ("loops", "HTTP 302", 1),
        ("to_file", "HTTP 302", 1),
    ],
)
def test_a_bad_server_is_named_and_leaves_nothing(
    way: str, reason: str, requests: int, server: Any, cache: Path
) -> None:
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch(server(way), SHA256, **{**QUICK, "time_limit": 1.0, "max_bytes": 1_000_000})
    assert time.monotonic() - started < 3
    for part in (server(way), reason, "COURSE_DATA_DIR", "file.tsv"):
        assert part in str(caught.value)
    assert leftovers(cache) == []
    assert server.seen.count(f"/{way}/file.tsv") == requests


@pytest.mark.parametrize("bad", ["missing", "corrupt", "hangs", "trickles", "endless"])
def test_the_second_mirror_helps(bad: str, server: Any) -> None:
    quick = {**QUICK, "time_limit": 1.0, "max_bytes": 1_000_000}
    path = fetch([server(bad), server("good")], SHA256, **quick)
    assert path.read_bytes() == CONTENT


def test_a_mirror_that_used_up_its_time_is_not_asked_again(server: Any) -> None:
    with pytest.raises(FetchError):
        fetch([server("trickles"), server("missing")], SHA256, **{**QUICK, "time_limit": 1.0})
    assert server.seen.count("/trickles/file.tsv") == 1


def test_a_transfer_left_behind_ends_soon(server: Any) -> None:
    with pytest.raises(FetchError):
        fetch(server("trickles"), SHA256, **{**QUICK, "time_limit": 0.3})
    (left,) = (t for t in threading.enumerate() if t.name == f"download {server('trickles')}")
    left.join(timeout=3)  # the server goes on for five seconds
    assert not left.is_alive()


def test_a_transfer_left_behind_does_not_keep_the_process(server: Any) -> None:
    code = (
        "import sys; from course_utils.fetching import FetchError, fetch\n"
        "try: fetch(*sys.argv[1:], time_limit=0.3)\n"
        "except FetchError: print('left')"
    )
    command = [sys.executable, "-c", code, server("trickles_headers"), SHA256]
    run = subprocess.run(command, capture_output=True, text=True, timeout=7, check=True)
    assert run.stdout == "left\n"


def test_without_a_network(cache: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(FetchError, match=rf"{port}/file\.tsv: cannot connect .*refused"):
        fetch(f"http://127.0.0.1:{port}/file.tsv", SHA256, **QUICK)
    assert leftovers(cache) == []


def test_a_corrupt_cached_file_is_replaced(server: Any) -> None:
    path = fetch(server("good"), SHA256, **QUICK)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch(server("good"), SHA256, **QUICK).read_bytes() == CONTENT
    assert len(server.seen) == 2


def test_a_corrupt_cached_file_is_never_returned(server: Any, cache: Path) -> None:
    cache.mkdir()
    (cache / "file.tsv").write_bytes(b"half")
    with pytest.raises(FetchError):
        fetch(server("missing"), SHA256, **QUICK)


def test_data_dir_comes_first(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own" / "sub" / "file.tsv"
    own.parent.mkdir(parents=True)
    own.write_bytes(CONTENT)
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "own"))
    assert fetch(server("good"), SHA256, name="sub/file.tsv", **QUICK) == own
    assert server.seen == []
    own.write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"sub/file\.tsv .from COURSE_DATA_DIR. has sha256"):
        fetch(server("good"), SHA256, name="sub/file.tsv", **QUICK)
    assert own.read_bytes() == b"mine"
    own.unlink()
    assert fetch(server("good"), SHA256, name="sub/file.tsv", **QUICK).read_bytes() == CONTENT


def test_a_missing_data_dir_is_an_error(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", "/no/such/folder")
    with pytest.raises(FileNotFoundError, match="COURSE_DATA_DIR is '/no/such/folder'"):
        fetch(server("good"), SHA256, **QUICK)


def test_time_that_runs_out_before_the_first_attempt_is_a_reason(server: Any) -> None:
    with pytest.raises(FetchError, match=r"file\.tsv: not (asked|complete)"):
        fetch(server("good"), SHA256, **{**QUICK, "time_limit": 1e-9})


def test_offline(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="offline"):
        fetch(server("good"), SHA256, offline=True, **QUICK)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(FetchError, match="offline"):
        fetch(server("good"), SHA256, **QUICK)
    assert server.seen == []
    monkeypatch.setenv("COURSE_OFFLINE", "0")
    assert fetch(server("good"), SHA256, **QUICK).exists()


def test_an_unusable_cache_folder(server: Any, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(FetchError, match="COURSE_CACHE_DIR"):
        fetch(server("good"), SHA256, **QUICK)


def test_an_interrupt_while_writing_leaves_nothing(
    server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(server("good"), SHA256, **QUICK)
    assert leftovers(cache) == []


def test_an_interrupt_while_downloading_leaves_nothing(
    server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(server("hangs"), SHA256, **QUICK)
    assert leftovers(cache) == []


def test_two_processes_at_once(server: Any, cache: Path) -> None:
    code = (
        "import sys; from course_utils.fetching import fetch\n"
        "for _ in range(20):\n"
        "    path = fetch(sys.argv[1], sys.argv[2])\n"
        "    assert len(path.read_bytes()) == 11000\n"
        "    path.unlink(missing_ok=True)\n"
        "fetch(sys.argv[1], sys.argv[2])"
    )
    # Each deletes what the other may be about to read: only whole files or none may be met.
    code = code.replace("    path = ", "    try: path = ").replace(
        "    assert len(path.read_bytes()) == 11000\n",
        "    except FileNotFoundError: continue\n"
        "    try: assert len(path.read_bytes()) == 11000\n"
        "    except FileNotFoundError: pass\n",
    )
    command = [sys.executable, "-c", code, server("good"), SHA256]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert leftovers(cache) == [str(cache / "file.tsv")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"urls": []}, "urls must name at least one"),
        ({"urls": "file:///etc/hostname"}, "urls must be http or https"),
        ({"urls": "http://"}, "urls must be http or https"),
        ({"sha256": "123"}, "sha256 must be 64"),
        ({"name": "../file"}, "name must be a relative path"),
        ({"name": "/file"}, "name must be a relative path"),
        ({"name": ""}, "name must be a relative path"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"timeout": 0}, "timeout must be positive, got 0"),
        ({"time_limit": 0}, "time_limit must be positive, got 0"),
        ({"time_limit": float("nan")}, "time_limit must be positive, got nan"),
        ({"max_bytes": -1}, "max_bytes must be positive, got -1"),
        ({"backoff": -0.5}, "backoff must be non-negative, got -0.5"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fetch(**{"urls": "http://127.0.0.1:1/file.tsv", "sha256": SHA256, **arguments})
