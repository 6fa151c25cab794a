"""Sentences that a build checks: a claim that stops being true stops the build."""

from __future__ import annotations

import html
import math
import re
from typing import Any

from course_utils.display import CLAIM, publish, spaced_percent
from course_utils.stats import Estimate

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE = re.compile(r"(`[^`]+`)")


class ClaimError(AssertionError):
    """A claim of the page does not hold any more."""


def claim(
    id: str,
    text: str,
    *,
    holds: object,
    estimate: Estimate | None = None,
    unit: str = "",
    over: str = "seeds",
    when: bool = True,
    **evidence: object,
) -> None:
    """State a result, check it, and enter it in the book's ledger of claims.

    Args:
        id: a name for links, lower case with hyphens, unique in the book.
        text: the sentence, in Markdown; put numbers in by f-string, never by hand.
        holds: whether the run on this page supports the sentence; a bool, or a tensor or array
            of one bool.
        estimate: the number behind it, with interval and number of seeds (or whatever `over` says).
        unit: how to write the estimate: "" as it is, "%" for a fraction, "pp" for a difference
            of fractions.
        over: what the interval of the estimate is over.
        when: False if the run could not test the claim, as on stand-in data; the claim is then
            shown as *not evaluated*, never as one that holds.
        evidence: further numbers to show, by name.

    Raises:
        ClaimError: if the claim was tested and does not hold.
        TypeError: if `holds` is not a bool: a forgotten comparison must not pass as true.
        ValueError: if `id`, `text` or `unit` is not as described.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"id must be lower-case words joined by hyphens, got {id!r}")
    if not text.strip():
        raise ValueError(f"text must be a sentence, got {text!r}")
    if unit not in ("", "%", "pp"):
        raise ValueError(f"unit must be '', '%' or 'pp', got {unit!r}")
    entry = {
        "id": id,
        "text": spaced_percent(" ".join(text.split())),
        "verdict": "holds" if when else "not evaluated",
        "estimate": "" if estimate is None else _estimate_text(estimate, unit),
        "n": None if estimate is None else estimate.n,
        "level": None if estimate is None else estimate.level,
        "over": over,
        "evidence": {name: _plain(value) for name, value in evidence.items()},
    }
    if not _as_bool(holds) and when:
        raise ClaimError(f"claim {id!r} does not hold: {_as_text(entry)}")
    publish({"text/html": _as_html(entry), "text/plain": _as_text(entry), CLAIM: entry})


def _as_bool(holds: Any) -> bool:
    value = _scalar(holds)
    if not isinstance(value, bool):
        raise TypeError(f"holds must be a bool, or hold exactly one, got {holds!r}")
    return value


def _scalar(value: Any) -> Any:
    """The Python number or bool in a NumPy or PyTorch value of one element; others as they are."""
    one_element = hasattr(value, "item") and math.prod(getattr(value, "shape", ())) == 1
    return value.item() if one_element else value


def _estimate_text(estimate: Estimate, unit: str) -> str:
    """As many digits as the interval has meaning: two of its half-width, or one in per cent."""
    half_width = estimate.half_width * (100 if unit else 1)
    if not math.isfinite(half_width):
        return f"{estimate:.3g}"
    if half_width == 0:
        digits = 3
    elif unit:
        digits = max(1, -math.floor(math.log10(half_width)))
    else:
        digits = max(0, 1 - math.floor(math.log10(half_width)))
    return format(estimate, {"": f".{digits}f", "%": f".{digits}%", "pp": f"+.{digits}pp"}[unit])


def _plain(value: Any) -> str:
    """Write evidence so that it can be read and stored as JSON."""
    if isinstance(value, Estimate):
        return _estimate_text(value, "")
    value = _scalar(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _details(entry: dict[str, Any]) -> str:
    parts = []
    if entry["estimate"]:
        level = f"{100 * entry['level']:.4g} %"
        parts.append(f"{entry['estimate']} ({level} interval, {entry['n']} {entry['over']})")
    parts += [f"{name.replace('_', ' ')}: {value}" for name, value in entry["evidence"].items()]
    return "; ".join(parts)


def _as_text(entry: dict[str, Any]) -> str:
    details = _details(entry)
    return f"Claim ({entry['verdict']}): {entry['text']}" + (f" [{details}]" if details else "")


def _as_html(entry: dict[str, Any]) -> str:
    verdict = entry["verdict"]
    details = _details(entry)
    text = "".join(_markup(piece) for piece in _CODE.split(html.escape(entry["text"], quote=False)))
    return (
        f'<div class="claim claim-{verdict.replace(" ", "-")}" id="claim-{entry["id"]}">'
        f'<p><strong class="claim-verdict">Claim · {verdict}</strong> {text}</p>'
        + (f'<p class="claim-evidence">{html.escape(details)}</p>' if details else "")
        + "</div>"
    )


def _markup(piece: str) -> str:
    """HTML of a piece of Markdown: code, or text with *emphasis* and **strong** emphasis."""
    if _CODE.fullmatch(piece):
        return f"<code>{piece[1:-1]}</code>"
    piece = re.sub(r"\*\*(?=\S)([^*]+)(?<=\S)\*\*", r"<strong>\1</strong>", piece)
    return re.sub(r"\*(?=\S)([^*]+)(?<=\S)\*", r"<em>\1</em>", piece)
