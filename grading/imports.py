"""The few imports and helpers of chapters that some exercises need, as one cell."""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST = 60
"""Lines of the cell: more than a few imports is nothing to hand out."""
WIDEST = 88


@dataclass(frozen=True)
class Statement:
    """A statement of a context cell: one name imported, or anything else that binds names."""

    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    module: str = ""
    """Where an import takes the name from, "" if the statement is no import."""
    original: str = ""
    """The name there, "" for the module itself."""


def bound(code: str) -> set[str]:
    """Names that code binds at its top level."""
    symbols = symtable.symtable(code, "<cell>", "exec").get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def used(code: str) -> set[str]:
    """Names that code takes from around it, in functions too; built-in ones included."""

    def names(table: symtable.SymbolTable) -> Iterator[str]:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                yield symbol.get_name()
        for child in table.get_children():
            yield from names(child)

    return set(names(symtable.symtable(code, "<cell>", "exec")))


def needed(context: Iterable[str], codes: Iterable[str], who: str) -> list[Statement]:
    """The statements of context cells that bind what the cells `codes` use, and what those use.

    ValueError names what `who`, an exercise, uses and nothing binds.
    """
    statements = [statement for cell in context for statement in _statements(cell)]
    together = "\n".join(codes)
    wanted = used(together) - bound(together)
    known = {name for statement in statements for name in statement.binds}
    if missing := wanted - known - set(dir(builtins)):
        names = ", ".join(sorted(missing))
        raise ValueError(f"{who} uses {names}, which no cell with the tag `context` binds")
    chosen: list[Statement] = []
    while more := [s for s in statements if s.binds & wanted and s not in chosen]:
        chosen += more
        wanted |= {name for statement in more for name in statement.uses}
    return [statement for statement in statements if statement in chosen]


def _statements(cell: str) -> Iterator[Statement]:
    lines = cell.splitlines()
    for node in ast.parse(cell).body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        source = "\n".join(lines[first - 1 : node.end_lineno])
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        elif names := bound(source):
            yield Statement(source, frozenset(names), frozenset(used(source)))


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Statement]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module, name = node.module or "", alias.name
        elif alias.asname and "." in alias.name:
            module, name = alias.name.rsplit(".", 1)  # `import a.b as c` is `from a import b as c`
        else:
            module, name = alias.name, ""
        source = f"from {module} import {name}" if name else f"import {module}"
        source += f" as {alias.asname}" if alias.asname and alias.asname != name else ""
        binds = alias.asname or alias.name.split(".")[0]
        yield Statement(source, frozenset([binds]), frozenset(), module, name)


def join(needs: dict[str, list[Statement]]) -> str:
    """The statements that exercises need, by label, as one cell, each statement once.

    ValueError if two exercises need different things of one name, or if the cell gets too long.
    """
    first: dict[str, tuple[str, Statement]] = {}
    statements: dict[tuple[str, str, str], Statement] = {}
    for label, group in needs.items():
        for statement in group:
            same = _key(statement)
            statements.setdefault(same, statement)
            for name in statement.binds:
                other, before = first.setdefault(name, (label, statement))
                if other != label and _meaning(before) != _meaning(statement):
                    raise ValueError(
                        f"{other} and {label} cannot be in one notebook: {name} is "
                        f"`{_head(before)}` for the one and `{_head(statement)}` for the other"
                    )
    cell = "\n".join(_written([*statements.values()])).strip("\n")
    if (length := cell.count("\n") + 1) > LONGEST:
        raise ValueError(f"the imports and helpers take {length} lines, more than {LONGEST}")
    return cell


def _key(statement: Statement) -> tuple[str, str, str]:
    """What a statement does, however it is written."""
    if statement.module:
        return statement.module, statement.original, min(statement.binds)
    return statement.source, "", ""


def _meaning(statement: Statement) -> tuple[str, str]:
    """What its names stand for: `import a.b` and `import a` both bind the package `a`."""
    if statement.module and not statement.original:
        return statement.module.split(".")[0], ""
    return _key(statement)[:2]


def _head(statement: Statement) -> str:
    return statement.source.splitlines()[0]


def _written(statements: list[Statement]) -> Iterator[str]:
    """Imports in the usual order, then the helpers."""
    imports = [statement for statement in statements if statement.module]
    for number, places in enumerate((_is_standard, _is_third, _is_ours)):
        group = [statement for statement in imports if places(statement.module.split(".")[0])]
        if group and number:
            yield ""
        yield from sorted(s.source for s in group if not s.original)
        for module in sorted({s.module for s in group if s.original}):
            yield _from(module, [s for s in group if s.original and s.module == module])
    for statement in statements:
        if not statement.module:
            yield f"\n{statement.source}"


def _from(module: str, statements: list[Statement]) -> str:
    names = sorted(statement.source.split(" import ")[1] for statement in statements)
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDEST:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _is_standard(package: str) -> bool:
    return package in sys.stdlib_module_names


def _is_ours(package: str) -> bool:
    return package == "course_utils"


def _is_third(package: str) -> bool:
    return not _is_standard(package) and not _is_ours(package)
