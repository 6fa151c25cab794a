"""Inline MyST (roles, substitutions, footnotes, links) rewritten as plain Markdown.

`code` and $math$ are passed over, so that nothing inside them changes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from book.formulas import expand
from book.labels import Target
from book.myst import MystError
from book.page import Page

INLINE = re.compile(
    r"(?P<escape>\\[^\w\s])"
    r"|\{(?P<role>[A-Za-z][\w:+.-]*)\}(?P<ticks>`+)(?P<content>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|(?P<code>(?P<run>`+)(?!`).+?(?<!`)(?P=run)(?!`))"
    r"|(?P<math>\$\$.+?\$\$|\$(?:\\.|[^$\\])+\$)"
    r"|\{\{\s*(?P<substitution>\w+)\s*\}\}"
    r"|\[\^(?P<footnote>[^\]\s]+)\]"
    r"|(?P<image>!?)\[(?P<text>(?:\\.|`[^`]*`|\[[^\[\]]*\]|[^\[\]\\`])*)\]"
    r"\((?P<target>[^()\s]+)(?P<title>\s+\"[^\"]*\")?\)"
    r"|<(?P<auto>(?:project:|#)[^<>\s]+)>"
    r"|(?P<attributes>(?<=[)\]`])\{[.#][^{}]*\}|^\{[.#][^{}]*\}$)",
    re.S | re.M,
)
EXPLICIT = re.compile(r"(?P<text>.*?)\s*<(?P<target>[^<>]+)>\s*\Z", re.S)
TEXT_ROLES = {"term": "{}", "abbr": "{}", "sub": "<sub>{}</sub>", "sup": "<sup>{}</sup>"}
TEXT_ROLES |= {"kbd": "<kbd>{}</kbd>", "math": "${}$", "strong": "**{}**", "emphasis": "*{}*"}
CODE_ROLES = re.compile(r"(py:)?(mod|func|class|meth|attr|data|exc|obj|code|literal|file|command)")


def to_markdown(text: str, page: Page, line: int) -> str:
    """Rewrite `text`, whose first line is `line` (from 0) of the file; MystError with the line."""

    def rewrite(match: re.Match[str]) -> str:
        at = line + text.count("\n", 0, match.start())
        return _rewrite(match, page, at)

    return INLINE.sub(rewrite, text)


def _rewrite(match: re.Match[str], page: Page, line: int) -> str:
    if match["role"]:
        return _role(match["role"], " ".join(match["content"].split("\n")), page, line)
    if match["math"]:
        # On one line: JupyterLab takes formulas out before it reads quotes and lists.
        return expand(re.sub(r"\n[>\s]*", " ", match[0]))
    if match["substitution"]:
        return substitute(match["substitution"], page, line)
    if match["footnote"]:
        return f"<sup>{page.footnote(match['footnote'])}</sup>"
    if match["target"]:
        return _link(match, page, line)
    if match["auto"]:
        return _refer(match["auto"].removeprefix("project:"), "", page, line)
    return "" if match["attributes"] else match[0]


def substitute(name: str, page: Page, line: int) -> str:
    """The text that `{{ name }}` stands for."""
    if name not in page.substitutions:
        raise MystError(f"{line + 1}: no substitution is called {name!r}")
    return str(page.substitutions[name])


def image_url(target: str, page: Page) -> str:
    """Where an image lies on the web: a notebook in Colab has no files beside it."""
    if re.match(r"[a-z]+:", target):
        return target
    path = _resolve(target, page.docname)
    return f"{page.project.repository}/raw/{page.project.branch}/{path}"


def _resolve(target: str, docname: str) -> str:
    if target.startswith("/"):
        return target[1:]
    return posixpath.normpath(posixpath.join(posixpath.dirname(docname), target))


def _link(match: re.Match[str], page: Page, line: int) -> str:
    text, target = to_markdown(match["text"], page, line), match["target"]
    if match["image"]:
        return f"![{text}]({image_url(target, page)}{match['title'] or ''})"
    inside = (
        target.startswith("#") or target in page.labels.targets or re.search(r"\.md(#|$)", target)
    )
    if inside and "://" not in target:
        return _refer(target, text, page, line)
    return f"[{text}]({target}{match['title'] or ''})"


def _refer(target: str, text: str, page: Page, line: int) -> str:
    """A Markdown link to a label or a page: plain text on its own page, a web address elsewhere."""
    path, _, anchor = target.partition("#")
    if path.endswith(".md"):
        docname = _resolve(path.removesuffix(".md"), page.docname)
        title = text or to_markdown(_title(docname, page, line), page, line)
        return title if docname == page.docname else f"[{title}]({page.url(docname, anchor)})"
    label = path or anchor
    found = _target(label, page, line)
    return _to(found, text or to_markdown(found.name, page, line), page)


def _target(label: str, page: Page, line: int) -> Target:
    try:
        return page.labels.targets[label]
    except KeyError:
        raise MystError(f"{line + 1}: no label {label!r} in the book") from None


def _title(docname: str, page: Page, line: int) -> str:
    try:
        return page.labels.titles[docname]
    except KeyError:
        raise MystError(f"{line + 1}: no page {docname!r} in the book") from None


def _to(target: Target, text: str, page: Page) -> str:
    if target.docname == page.docname:
        return text
    return f"[{text}]({page.url(target.docname, target.anchor)})"


def _doc(text: str, target: str, page: Page, line: int) -> str:
    return _refer(target.removesuffix(".md") + ".md", text, page, line)


def _ref(text: str, target: str, page: Page, line: int) -> str:
    if target.startswith("claim-"):  # claims are outputs: only the executed book knows them
        return text or f"`{target}`"
    return _refer("#" + target, text, page, line)


def _numref(text: str, target: str, page: Page, line: int) -> str:
    found = _target(target, page, line)
    number = found.number or found.title
    form = re.sub(r"%s|\{number\}", lambda _: number, text).replace("{name}", found.title)
    return _to(found, form or found.name, page)


REFERENCES: dict[str, Callable[[str, str, Page, int], str]] = {
    "ref": _ref,
    "any": _ref,
    "eq": lambda text, target, page, line: _refer("#" + target, "", page, line),
    "prf:ref": _numref,
    "numref": _numref,
    "doc": _doc,
    "download": lambda text, target, page, line: f"[{text or target}]({image_url(target, page)})",
}


def _cite(name: str, content: str, page: Page, line: int) -> str:
    try:
        return page.bibliography.cite(content, textual=name == "cite:t")
    except KeyError as error:
        raise MystError(f"{line + 1}: no BibTeX file has the key {error}") from None


def _role(name: str, content: str, page: Page, line: int) -> str:
    explicit = EXPLICIT.match(content)
    text, target = (explicit["text"], explicit["target"]) if explicit else ("", content)
    if name in REFERENCES:
        return REFERENCES[name](to_markdown(text, page, line), target, page, line)
    if name in ("cite", "cite:p", "cite:t"):
        return _cite(name, content, page, line)
    if name == "glue:text":
        return "`" + content.split("::")[-1].split(":")[0] + "`"
    if name in TEXT_ROLES:
        return TEXT_ROLES[name].format(text or content)
    if CODE_ROLES.fullmatch(name):
        return f"`{text or _short(content)}`"
    raise MystError(f"{line + 1}: the role {name!r} has no form in a notebook")


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1] if name.startswith("~") else name
