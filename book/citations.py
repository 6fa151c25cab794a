"""Citations in notebooks: author and year in the text, a list of references at the end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pybtex.backends.markdown import Backend
from pybtex.database import BibliographyData, Entry, Person, parse_file
from pybtex.style.formatting.unsrt import Style


class Bibliography:
    """Entries of the BibTeX files, and which of them a notebook has cited so far."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.entries: dict[str, Entry] = {}
        for path in paths:
            self.entries.update(_entries(path, path.read_text(encoding="utf8")))
        self.cited: list[str] = []
        self._suffixes = _suffixes(self.entries)

    def cite(self, keys: str, *, textual: bool) -> str:
        """Authors and years of the works with these keys, separated by commas.

        "(Kingma and Ba, 2015; Ba, 2016)", or with `textual` "Kingma and Ba (2015) and Ba (2016)".
        KeyError names a key that no BibTeX file has.
        """
        parts = []
        for key in (part.strip() for part in keys.split(",")):
            if key not in self.entries:
                raise KeyError(key)
            if key not in self.cited:
                self.cited.append(key)
            who, year = _authors(self.entries[key]), self._year(key)
            parts.append(f"{who} ({year})" if textual else f"{who}, {year}")
        return " and ".join(parts) if textual else f"({'; '.join(parts)})"

    def references(self) -> str:
        """The cited works as a Markdown list, by author and year."""
        order = sorted(self.cited, key=lambda key: (_authors(self.entries[key]), self._year(key)))
        data = BibliographyData({key: self.entries[key] for key in order})
        backend = Backend()
        formatted = Style().format_bibliography(data, order)
        lines = []
        for entry in formatted:
            name = f"{_authors(self.entries[entry.key])} ({self._year(entry.key)})"
            text = re.sub(r"\s+", " ", entry.text.render(backend))
            text = re.sub(r"\\([.()!+-])", r"\1", text)  # these mean nothing inside a line
            lines.append(f"- **{name}.** {text}")
        return "\n".join(lines)

    def _year(self, key: str) -> str:
        return str(self.entries[key].fields.get("year", "n.d.")) + self._suffixes.get(key, "")


@lru_cache
def _entries(path: Path, text: str) -> dict[str, Entry]:
    """Entries of a file, read again only if its text has changed: each notebook asks for them."""
    return dict(parse_file(str(path)).entries.items())


def _authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [_last_name(person) for person in people]
    if not names:
        return str(entry.fields.get("key") or entry.fields.get("organization") or entry.key)
    if len(names) > 2 or names[-1] == "others":
        return f"{names[0]} et al."
    return " and ".join(names)


def _last_name(person: Person) -> str:
    parts = [*person.rich_prelast_names, *person.rich_last_names]
    return " ".join(str(part) for part in parts)


def _suffixes(entries: dict[str, Entry]) -> dict[str, str]:
    """ "a", "b", ... for works of the same authors and year, in the order of their keys."""
    same = defaultdict(list)
    for key in sorted(entries):
        same[_authors(entries[key]), entries[key].fields.get("year")].append(key)
    return {
        key: chr(ord("a") + i)
        for keys in same.values()
        if len(keys) > 1
        for i, key in enumerate(keys)
    }
