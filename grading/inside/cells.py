"""What in a notebook is code to run: the cells of a file that may be anything."""

from __future__ import annotations

import ast
import copy
import json
import re

CELL = "<code cell "
"""How the file name of a cell begins, in tracebacks."""
_MAGIC = re.compile(r"^([ \t]*)(?:(\w+\s*=\s*)?[%!?].*|[\w.]+\?{1,2}[ \t]*)$", re.M)
_CELL_MAGIC = re.compile(r"\s*%%(\w+).*\n?")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PYTHON = ("time", "timeit", "capture", "prun")


def sources(text: str) -> list[str]:
    """Sources of the code cells in order; ValueError if the text is no notebook."""
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    return [_source(c) for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]


def _source(cell: dict[str, object]) -> str:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def plain_python(source: str) -> str:
    """The source with magics, shell commands and `?` replaced, line for line; often unchanged."""
    magic = _CELL_MAGIC.match(source)
    if magic:
        source = "\n" + source[magic.end() :] if magic[1] in _PYTHON else ""
    try:
        ast.parse(source)
    except SyntaxError:
        # Only now: a line of a formatted text may begin with % too.
        return _MAGIC.sub(lambda line: f"{line[1]}{line[2] or ''}None", source)
    return source


def definition(tree: ast.Module, name: str) -> str:
    """What the name is bound to last, without comments and docstring; "" if it is not bound."""
    found = [node for node in tree.body if _binds(node, name)]
    if not found:
        return ""
    node = found[-1]
    if isinstance(node, _DEFINITIONS) and ast.get_docstring(node) is not None:
        node = copy.copy(node)
        node.body = node.body[1:]
    return ast.dump(node)


def _binds(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, _DEFINITIONS):
        return statement.name == name
    return any(
        (isinstance(node, _DEFINITIONS) and node.name == name)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name)
        or (isinstance(node, ast.alias) and (node.asname or node.name) == name)
        for node in ast.walk(statement)
    )
