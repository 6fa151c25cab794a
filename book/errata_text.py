"""The body of an `errata` directive: YAML, one erratum a key."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

FIELDS = ("says", "right", "claim")
# "\nabla" in YAML's double quotes is a new line and "abla": silently wrong formulas.
ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\[a-zA-Z0]")


@dataclass(frozen=True)
class Erratum:
    """What a slide says, what is right (Markdown both), and the claim that shows it."""

    id: str
    says: str
    right: str
    claim: str


def parse_errata(body: str) -> list[Erratum]:
    """Read the body of an errata directive; ValueError says which erratum lacks what."""
    try:
        node = yaml.compose(body)
        data = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise ValueError(f"errata must be YAML: {error}") from None
    if not isinstance(node, yaml.MappingNode) or not data:
        raise ValueError("errata must map an id such as ERR044 to says, right and claim")
    keys = [key.value for key, _ in node.value]
    for key, value in node.value:
        if keys.count(key.value) > 1:
            raise ValueError(f"{key.value} is given twice")
        _check_quotes(key.value, value, body)
    return [_erratum(str(key), value) for key, value in data.items()]


def _check_quotes(key: str, node: yaml.Node, body: str) -> None:
    for child in node.value if isinstance(node, yaml.MappingNode) else []:
        scalar = child[1]
        raw = body[scalar.start_mark.index : scalar.end_mark.index]
        if getattr(scalar, "style", None) == '"' and ESCAPE.search(raw):
            raise ValueError(f"{key}: put LaTeX into single quotes, YAML changes {raw}")


def _erratum(key: str, value: object) -> Erratum:
    if not isinstance(value, dict) or set(value) != set(FIELDS):
        got = sorted(value) if isinstance(value, dict) else value
        raise ValueError(f"{key} must have {', '.join(FIELDS)}, got {got}")
    return Erratum(key, *(" ".join(str(value[name]).split()) for name in FIELDS))
