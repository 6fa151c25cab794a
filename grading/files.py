"""Files that are whole or not there; names and texts of strangers made harmless."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file at once: who reads it sees the old one or the new one, never a part."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def one_line(text: str, longest: int = 300) -> str:
    """A text without control characters or line breaks, cut where it is too long.

    >>> one_line("a\\nb\\x1b[31m")
    'a b [31m'
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def safe(student: str) -> str:
    """A student's id in letters, digits and `._-%@+`; different ids stay different.

    >>> safe("s-017"), safe("Zoë/../x"), safe("=1+1")
    ('s-017', 'Zo%C3%AB%2F..%2Fx', '%3D1+1')
    """
    text = quote(unicodedata.normalize("NFC", student), safe="@+").replace("~", "%7E")
    if text[:1] in (".", "-", "+", "@"):  # hidden, an option, or a formula of a spreadsheet
        text = f"%{ord(text[0]):02X}{text[1:]}"
    return text if len(text) <= 120 else f"{text[:100]}~{sha256(text.encode()).hexdigest()[:16]}"
