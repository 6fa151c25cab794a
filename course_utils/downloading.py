"""One file from a list of mirrors: bounded in time and size, checked, retried."""

from __future__ import annotations

import hashlib
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

CHUNK = 1 << 16
TEMPORARY_STATUS = {408, 425, 429, 500, 502, 503, 504}


class FetchError(OSError):
    """A file cannot be had; the message names the addresses, the reasons and a way out."""


class _Refused(Exception):
    """Why one attempt at one address failed; `final` when asking there again is no use."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def download(
    mirrors: Sequence[str],
    sha256: str,
    *,
    timeout: float,
    time_limit: float,
    attempts: int,
    backoff: float,
    max_bytes: int,
) -> bytes:
    """Content with this sha256 from the first mirror that has it; arguments as in `fetch`.

    Raises FetchError with the last reason of every mirror.
    """
    deadline = time.monotonic() + time_limit
    reasons: dict[str, str] = {}
    left = list(mirrors)
    for attempt in range(attempts):
        if attempt and left:
            time.sleep(max(0.0, min(backoff * 2 ** (attempt - 1), deadline - time.monotonic())))
        for url in tuple(left):
            # An equal share each: a first mirror that trickles leaves time for the second.
            seconds = min(deadline - time.monotonic(), time_limit / len(mirrors))
            if seconds <= 0:
                break
            try:
                return _attempt(url, sha256, timeout, seconds, max_bytes)
            except _Refused as error:
                reasons[url] = str(error)
                if error.final:
                    left.remove(url)
    raise FetchError("; ".join(f"{url}: {reason}" for url, reason in reasons.items()))


def _attempt(url: str, sha256: str, timeout: float, seconds: float, max_bytes: int) -> bytes:
    """Content of one address, or _Refused within `seconds`, whatever the server does.

    A socket's timeout starts again with each byte, and none covers looking up a name: the transfer
    runs in a thread that can be left behind. It holds no file, so nothing is left half-written.
    """
    result: list[bytes | _Refused] = []
    given_up = threading.Event()

    def transfer() -> None:
        try:
            result.append(_read(url, timeout, max_bytes, given_up))
        except _Refused as error:
            result.append(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            result.append(_Refused(f"{type(error).__name__}: {error}"))

    worker = threading.Thread(target=transfer, name=f"download {url}", daemon=True)
    try:
        worker.start()
        worker.join(seconds)
    finally:
        given_up.set()
    if not result:
        raise _Refused(f"not complete after {seconds:.3g} s", final=True)
    if isinstance(result[0], _Refused):
        raise result[0]
    if (found := hashlib.sha256(result[0]).hexdigest()) != sha256:
        raise _Refused(f"{len(result[0])} bytes with sha256 {found}, expected {sha256}")
    return result[0]


def _read(url: str, timeout: float, max_bytes: int, given_up: threading.Event) -> bytes:
    content = bytearray()
    request = urllib.request.Request(url, headers={"User-Agent": "course_utils"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            expected = response.headers.get("Content-Length")
            # read1 returns what one packet brought; read would wait for the whole chunk.
            while (chunk := response.read1(CHUNK)) and not given_up.is_set():
                content += chunk
                if len(content) > max_bytes:
                    raise _Refused(f"larger than max_bytes={max_bytes}", final=True)
    except urllib.error.HTTPError as error:
        error.close()
        final = error.code not in TEMPORARY_STATUS
        raise _Refused(f"HTTP {error.code} {error.reason}", final=final) from error
    except TimeoutError as error:
        raise _Refused(f"no byte for {timeout:.3g} s") from error
    except urllib.error.URLError as error:
        raise _Refused(f"cannot connect ({error.reason})") from error
    if expected is not None and len(content) < int(expected):
        raise _Refused(f"cut off after {len(content)} of {expected} bytes")
    return bytes(content)
