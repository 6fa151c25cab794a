"""Files from where they already are, or from the web: checked, whole, safe for two processes."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from course_utils.downloading import FetchError, download

__all__ = ["FetchError", "cache_dir", "fetch", "is_offline"]


def fetch(
    urls: str | Sequence[str],
    sha256: str,
    *,
    name: str | None = None,
    offline: bool = False,
    timeout: float = 10.0,
    time_limit: float = 60.0,
    attempts: int = 3,
    backoff: float = 0.5,
    max_bytes: int = 64 << 20,
) -> Path:
    """Path of a file with this sha256: in COURSE_DATA_DIR, else cached, else downloaded.

    urls: an address or a list of mirrors, tried in turn, `attempts` rounds of them; name: relative
    path of the file, default the last part of the first address. timeout: seconds without a byte;
    time_limit: seconds for the whole call, an equal share for each mirror; backoff: seconds before
    the second round, doubled for each further one. `offline=True`, or the environment variable
    COURSE_OFFLINE=1, stay off the network. A cached file with a wrong sha256 is replaced. A file is
    written under another name and renamed, so what has the final name is complete.

    Raises FetchError when the file cannot be had; ValueError when the file in COURSE_DATA_DIR has
    another sha256 (it is the user's, so it is not replaced) or an argument is wrong;
    FileNotFoundError when COURSE_DATA_DIR is no folder.
    """
    mirrors = [urls] if isinstance(urls, str) else list(urls)
    name = _check_arguments(mirrors, sha256, name, attempts)
    _check_limits(backoff, timeout=timeout, time_limit=time_limit, max_bytes=max_bytes)
    if own := _in_data_dir(name, sha256):
        return own
    target = cache_dir() / name
    if _digest(target) == sha256:
        return target
    try:
        if offline or is_offline():
            raise FetchError("not looked for on the network (offline)")
        content = download(
            mirrors,
            sha256,
            timeout=timeout,
            time_limit=time_limit,
            attempts=attempts,
            backoff=backoff,
            max_bytes=max_bytes,
        )
    except FetchError as error:
        reason = str(error) or f"not asked within time_limit={time_limit:g} s"
        raise FetchError(
            f"cannot fetch {name}: {reason}. Try again with a network, or save {mirrors[0]} "
            f"as {name} in a folder and set COURSE_DATA_DIR to that folder"
        ) from error
    return _write(target, content)


def is_offline() -> bool:
    """Whether the environment variable COURSE_OFFLINE forbids the network."""
    return os.environ.get("COURSE_OFFLINE", "0") not in ("", "0")


def cache_dir() -> Path:
    """Where downloads are kept: COURSE_CACHE_DIR, else the platform's cache folder.

    Raises FetchError when there is no home folder and no COURSE_CACHE_DIR.
    """
    if own := os.environ.get("COURSE_CACHE_DIR"):
        return Path(own).expanduser()
    try:
        home = Path.home()
    except RuntimeError as error:
        raise FetchError("no home folder to keep downloads in: set COURSE_CACHE_DIR") from error
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(base) / "course_utils"


def _check_arguments(mirrors: list[str], sha256: str, name: str | None, attempts: int) -> str:
    if not mirrors:
        raise ValueError("urls must name at least one address, got none")
    for url in mirrors:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"urls must be http or https addresses, got {url!r}")
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ValueError(f"sha256 must be 64 lower-case hexadecimal digits, got {sha256!r}")
    if attempts < 1:
        raise ValueError(f"attempts must be at least 1, got {attempts}")
    name = PurePosixPath(urlsplit(mirrors[0]).path).name if name is None else name
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or set(name) & set("\\:"):
        raise ValueError(f"name must be a relative path inside the data folder, got {name!r}")
    return name


def _check_limits(backoff: float, **limits: float) -> None:
    for name, limit in limits.items():
        if not limit > 0:  # so that nan is refused as well
            raise ValueError(f"{name} must be positive, got {limit}")
    if not backoff >= 0:
        raise ValueError(f"backoff must be non-negative, got {backoff}")


def _in_data_dir(name: str, sha256: str) -> Path | None:
    folder = os.environ.get("COURSE_DATA_DIR")
    if not folder:
        return None
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"COURSE_DATA_DIR is {folder!r}, which is not a folder here")
    file = root / name
    if not file.is_file():
        return None
    found = _digest(file)
    if found != sha256:
        state = f"has sha256 {found}, expected {sha256}" if found else "cannot be read"
        raise ValueError(f"{file} (from COURSE_DATA_DIR) {state}")
    return file


def _digest(file: Path) -> str | None:
    """sha256 of a file, None where there is none to read."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _write(target: Path, content: bytes) -> Path:
    part = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FetchError(f"cannot write {target} ({error}): set COURSE_CACHE_DIR") from error
    return target
