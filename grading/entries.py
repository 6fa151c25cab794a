"""What lies in a folder or a zip, without trusting it: nothing is followed, nothing is unpacked."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from grading.files import one_line

LARGEST = 32 << 20
"""Bytes of a notebook."""
MOST = 200_000
"""Entries of a folder or a zip."""
CHUNK = 1 << 20


class Refused(Exception):
    """A file that is not read; the text says why."""


@dataclass(frozen=True)
class Entry:
    """A file or folder: its name, `/` between the parts, and a way to open it.

    refusal: why it must not be opened, "" if it may be.
    """

    name: str
    is_folder: bool
    refusal: str
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """All bytes; Refused if there are more than a notebook has, or they are damaged."""
        if self.refusal:
            raise Refused(self.refusal)
        content = bytearray()
        try:
            with self.open() as file:
                while chunk := file.read(CHUNK):
                    content += chunk
                    if len(content) > LARGEST:
                        raise Refused(f"it has more than {LARGEST >> 20} MB")
        except Refused:
            raise
        except Exception as error:  # a damaged zip raises whatever its damage leads to
            raise Refused(f"it cannot be read ({one_line(str(error), 80)})") from None
        return bytes(content)


def of_folder(root: Path) -> Iterator[Entry]:
    """All below a folder, sorted; links are named and not followed."""
    waiting = [("", str(root))]
    count = 0
    while waiting:
        name, path = waiting.pop()
        try:
            items = sorted(os.scandir(path), key=lambda item: item.name)
        except OSError as error:
            yield Entry(name, True, f"it cannot be read ({error.strerror})", BytesIO)
            continue
        for item in items:
            entry = _of_item(item, f"{name}/{item.name}" if name else item.name)
            yield entry
            if entry.is_folder:
                waiting.append((entry.name, item.path))
        count += len(items)
        if count > MOST:
            raise ValueError(f"{root} has more than {MOST} files")


def _of_item(item: os.DirEntry[str], name: str) -> Entry:
    mode = item.stat(follow_symlinks=False).st_mode
    refusal = "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "it is not a file"
    if stat.S_ISLNK(mode):
        refusal = "it is a symbolic link, which is not followed"
    return Entry(name, stat.S_ISDIR(mode), refusal, lambda: _open(item.path))


def _open(path: str) -> IO[bytes]:
    # Between the look at it and now it may have become a link, or a pipe that never ends.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    return os.fdopen(descriptor, "rb")


def of_zip(archive: zipfile.ZipFile) -> Iterator[Entry]:
    """All entries of a zip; ValueError if there are too many."""
    entries = archive.infolist()
    if len(entries) > MOST:
        raise ValueError(f"{archive.filename} has {len(entries)} entries; at most {MOST} are read")
    for info in entries:
        # Zips of Windows may have backslashes.
        name = info.orig_filename.replace("\\", "/")
        yield Entry(
            name.strip("/"), name.endswith("/"), _refusal(info, name), _opener(archive, info)
        )


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _refusal(info: zipfile.ZipInfo, name: str) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "it is a symbolic link, which is not followed"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is not a file"
    if name.startswith("/") or re.match("[A-Za-z]:", name) or "\0" in name:
        return "its name in the zip is an absolute path"
    if ".." in name.split("/"):
        return "its name in the zip leads out of the folder"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.file_size > LARGEST:
        return f"it has more than {LARGEST >> 20} MB"
    return ""
