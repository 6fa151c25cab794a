"""Wrong answers that are kept with the exercises, and what hidden tests make of them."""

from __future__ import annotations

import ast
import difflib
import runpy
from dataclasses import dataclass, replace
from pathlib import Path

from grading.marking import mark, run_here
from grading.package import Package, Question


@dataclass(frozen=True)
class Mistake:
    """A wrong answer: what it is called, its code, and the titles of the parts that it fails."""

    title: str
    code: str
    lost: float
    """Points."""
    parts: tuple[str, ...]

    def changes(self, solution: str) -> list[tuple[str, str]]:
        """Lines that differ from the solution, each with its sign, "-" or "+"."""
        lines = difflib.ndiff(_plain(solution), _plain(self.code))
        return [(line[0], line[2:]) for line in lines if line[0] in "+-"]


def find(label: str, paths: list[Path]) -> list[tuple[str, str]]:
    """Titles and codes of the wrong answers to an exercise, from the first file that has some."""
    for path in paths:
        answers = runpy.run_path(str(path)).get("WRONG", {}).get(label)
        if answers:
            return list(zip(_titles(path, label, len(answers)), answers, strict=True))
    return []


def tried(package: Package, question: Question, answers: list[tuple[str, str]]) -> list[Mistake]:
    """What the hidden tests of a question make of wrong answers to it, always the same."""
    alone = replace(package, questions=(question,))
    mistakes = []
    for title, code in answers:
        (marked,) = mark(alone, 0, run_here(alone, code)).questions
        failed = [part for part in marked.parts if part.status != "right"]
        lost = sum(part.maximum for part in failed)
        mistakes.append(Mistake(title, code.strip(), lost, tuple(p.title for p in failed)))
    return mistakes


def _titles(path: Path, label: str, count: int) -> list[str]:
    """The comments above the answers, or at the end of their first lines."""
    lines = path.read_text(encoding="utf8").splitlines()
    titles = ["" for _ in range(count)]
    for node in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == label and isinstance(value, ast.List):
                titles = [_comment(lines, entry.lineno) for entry in value.elts]
    named = titles if len(titles) == count else [""] * count
    return [title or f"wrong answer {number}" for number, title in enumerate(named, 1)]


def _comment(lines: list[str], number: int) -> str:
    above, own = lines[number - 2].strip(), lines[number - 1]
    if above.startswith("#"):
        return above.lstrip("# ")
    return own.partition("  # ")[2].strip()


def _plain(code: str) -> list[str]:
    """Lines of code without layout, comments and docstrings of its own."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()
