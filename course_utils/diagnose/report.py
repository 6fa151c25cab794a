"""What `diagnose` found, as text, as HTML and as plain data."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Severity = Literal["error", "warning", "note"]
Evidence = float | str | list[Any]
LEFT = ' style="text-align: left; vertical-align: top; padding: 0 1em 0.6em 0"'
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class Finding:
    """One thing that a check saw.

    `severity`: "error", it cannot train or its numbers lie; "warning", very likely a mistake;
    "note", worth a look. `evidence`: the numbers behind `message`. `heuristic`: the rule, and
    where it comes from. `advice`: what to try first.
    """

    check: str
    severity: Severity
    message: str
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    heuristic: str = ""
    advice: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}, got {self.severity!r}")


@dataclass(frozen=True)
class Report:
    """All findings, the worst first, and the checks that found nothing or could not run."""

    findings: Sequence[Finding]
    passed: Sequence[str]
    skipped: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(finding.severity == "note" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain types, ready for `json.dumps`."""
        return {
            "ok": self.ok,
            "findings": [asdict(f) | {"evidence": dict(f.evidence)} for f in self.findings],
            "passed": list(self.passed),
            "skipped": dict(self.skipped),
        }

    def summary(self) -> str:
        """One line: how many findings of each severity, how many checks passed and did not run."""
        counts = [sum(f.severity == severity for f in self.findings) for severity in SEVERITIES]
        found = ", ".join(
            f"{n} {severity}{'s' * (n > 1)}"
            for n, severity in zip(counts, SEVERITIES, strict=True)
            if n
        )
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        passed = f"{len(self.passed)} check{'s' * (len(self.passed) != 1)} passed"
        return f"{found or 'nothing found'}; {passed}{skipped}"

    def __str__(self) -> str:
        lines = [f"diagnose: {self.summary()}"]
        for f in self.findings:
            lines += ["", *_wrapped(f"{f.severity.upper()} {f.check}: {f.message}", indent=2)]
            lines += _wrapped(f"seen: {evidence_text(f)}", indent=4) if f.evidence else []
            lines += _wrapped(f"try: {f.advice}", indent=4) if f.advice else []
        if self.passed:
            lines += ["", *_wrapped(f"passed: {', '.join(self.passed)}", indent=2)]
        if self.skipped:
            reasons = "; ".join(f"{name} ({reason})" for name, reason in self.skipped.items())
            lines += _wrapped(f"skipped: {reasons}", indent=2)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A table without colours of its own: it is read in light and in dark, and aloud."""
        names = ("Finding", "What was seen, and what to try")
        head = "".join(f'<th scope="col"{LEFT}>{name}</th>' for name in names)
        rows = "".join(_row(finding) for finding in self.findings)
        table = (
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
        )
        passed = f"<p>Passed: {html.escape(', '.join(self.passed))}.</p>" if self.passed else ""
        skipped = "".join(
            f"<li>{html.escape(name)}: {html.escape(reason)}</li>"
            for name, reason in self.skipped.items()
        )
        skipped = f"<p>Skipped:</p><ul>{skipped}</ul>" if skipped else ""
        title = f"<p><strong>diagnose</strong>: {html.escape(self.summary())}</p>"
        return f'<div class="diagnose">{title}{table}{passed}{skipped}</div>'


def evidence_text(finding: Finding) -> str:
    """The evidence on one line."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(value)}" for name, value in finding.evidence.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"
    if isinstance(value, list):
        more = ", ..." * (len(value) > 6)
        return "[" + ", ".join(_value(v) for v in value[:6]) + more + "]"
    return str(value)


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, 96, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4)
    )


def _row(f: Finding) -> str:
    """Two columns, so that a phone has room for sentences."""
    name = f"<strong>{f.severity}</strong><br><code>{html.escape(f.check)}</code>"
    lines = [html.escape(f.message)]
    lines += [f"<small>{html.escape(evidence_text(f))}</small>"] if f.evidence else []
    lines += [f"Try: {html.escape(f.advice)}"] if f.advice else []
    lines += [f"<small>Why: {html.escape(f.heuristic)}</small>"] if f.heuristic else []
    return (
        "<tr>" + "".join(f"<td{LEFT}>{cell}</td>" for cell in (name, "<br>".join(lines))) + "</tr>"
    )
