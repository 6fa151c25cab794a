"""Directives rewritten as plain Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from book.errata_text import parse_errata
from book.formulas import display
from book.inline import image_url, to_markdown
from book.markdown import cell, details, quote, titled
from book.myst import Directive, MystError
from book.page import Page
from book.quiz_text import parse_quiz

Convert = Callable[[str, Page, int], str]
REFERENCES = "@@REFERENCES@@"  # the list is known when the whole notebook is written


@dataclass(frozen=True)
class Made:
    """Markdown of a directive, and how it cuts cells (see `blocks.Piece`)."""

    text: str
    starts: bool = False
    gate: str = ""


@dataclass(frozen=True)
class Job:
    """A directive, the page it is on, and the function that converts what is inside it."""

    block: Directive
    page: Page
    convert: Convert

    def body(self) -> str:
        """The body as Markdown."""
        return self.convert(self.block.body, self.page, self.block.body_line)

    def inline(self, text: str) -> str:
        """One line of MyST as Markdown."""
        return to_markdown(text, self.page, self.block.line)

    def argument(self) -> str:
        """The rest of the directive's first line, as Markdown."""
        return self.inline(self.block.argument)

    def number(self) -> str:
        """The number of this block in the chapter, "" without one."""
        return self.page.labels.numbers.get((self.page.docname, self.block.line), "")


def render(block: Directive, page: Page, convert: Convert) -> Made:
    """Markdown of one directive; MystError (line first) where it has no form in a notebook."""
    handler = HANDLERS.get(block.name) or (_proof if block.name.startswith("prf:") else None)
    if handler is None:
        raise MystError(f"{block.line + 1}: the directive {block.name!r} has no form in a notebook")
    try:
        made = handler(Job(block, page, convert))
    except MystError:
        raise
    except ValueError as error:
        raise MystError(f"{block.line + 1}: {block.name}: {error}") from None
    return made if isinstance(made, Made) else Made(made)


def _admonition(job: Job) -> str:
    name, argument = job.block.name, job.argument()
    title, body = NAMED.get(name, argument or name.capitalize()), job.body()
    if name in NAMED and argument:  # text may start on the first line
        body = f"{argument}\n{body}".rstrip()
    return details(title, body) if job.block.dropdown else titled(title, body)


def _exercise(job: Job) -> Made:
    number = f" {job.number()}" if job.number() else ""
    title = f": {job.argument()}" if job.block.argument else ""
    return Made(f"### Exercise{number}{title}\n\n{job.body()}".rstrip(), starts=True)


def _solution_name(job: Job) -> str:
    target = job.page.labels.targets.get(job.block.argument)
    if target is None or target.kind != "exercise":
        line = job.block.line + 1
        raise MystError(f"{line}: a solution to {job.block.argument!r}, which is no exercise")
    return f"Solution to exercise {target.number or target.title}"


def _solution_start(job: Job) -> Made:
    text = f"#### {_solution_name(job)} (try first)\n\n{job.body()}".rstrip()
    return Made(text, starts=True, gate="start")


def _proof(job: Job) -> str:
    kind = job.block.name.removeprefix("prf:").capitalize()
    number = f" {job.number()}" if job.number() else ""
    title = f" ({job.argument()})" if job.block.argument else ""
    body = job.body()
    if job.block.dropdown:
        return details(f"{kind}{number}{title}", body)
    return titled(f"{kind}{number}{title}.", body)


def _code(job: Job) -> str:
    body = job.block.body
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`{3,}", body)), 3)
    caption = job.block.options.get("caption")
    lead = f"**{job.inline(str(caption))}**\n\n" if caption else ""
    return f"{lead}{fence}{job.block.argument}\n{body}\n{fence}"


def _image(job: Job) -> str:
    alt = str(job.block.options.get("alt", "")).replace("\n", " ")
    return f"![{alt}]({image_url(job.block.argument, job.page)})"


def _figure(job: Job) -> str:
    caption = job.body()
    lead = f"**Figure {job.number()}.** " if job.number() else ""
    return f"{_image(job)}\n\n{lead}{caption}".rstrip()


def _table(job: Job) -> str:
    lead = f"**Table {job.number()}.** {job.argument()}\n\n" if job.block.argument else ""
    return lead + job.body()


def _tab(job: Job) -> str:
    return f"**{job.argument()}**\n\n{job.body()}"


def _quiz(job: Job) -> str:
    try:
        quiz = parse_quiz(job.block.body)
    except ValueError as error:
        raise MystError(f"{job.block.line + 1}: {error}") from None
    letters = [chr(ord("A") + i) for i in range(len(quiz.options))]
    named = list(zip(letters, quiz.options, strict=True))
    answer = " and ".join(letter for letter, option in named if option.right)
    question = job.convert(quiz.question, job.page, job.block.body_line)
    choices = "\n".join(f"- **{letter}.** {job.inline(option.text)}" for letter, option in named)
    feedback = "\n".join(
        f"- **{letter}.** {'Right' if option.right else 'Wrong'}. {job.inline(option.feedback)}"
        for letter, option in named
    )
    feedback = re.sub(r" +$", "", feedback, flags=re.M)
    several = " (more than one)" if quiz.several else ""
    body = details("Answer", f"**{answer}.**\n\n{feedback}")
    return f"**Quiz{several}.** {question}\n\n{choices}\n\n{body}"


def _errata(job: Job) -> str:
    rows = ["| | The slide says | What is right | Shown by |", "|---|---|---|---|"]
    for erratum in parse_errata(job.block.body):
        says, right = (cell(job.inline(text)) for text in (erratum.says, erratum.right))
        rows.append(f"| {erratum.id} | {says} | {right} | claim `{erratum.claim}` |")
    return "\n".join(rows)


NAMED = {
    "note": "Note",
    "warning": "Warning",
    "tip": "Tip",
    "important": "Important",
    "hint": "Hint",
    "caution": "Caution",
    "danger": "Danger",
    "attention": "Attention",
    "error": "Error",
    "seealso": "See also",
}
HANDLERS: dict[str, Callable[[Job], Made | str]] = {
    **dict.fromkeys([*NAMED, "admonition", "dropdown", "topic", "sidebar"], _admonition),
    **dict.fromkeys(["exercise", "exercise-start"], _exercise),
    "exercise-end": lambda job: "",
    "solution-start": _solution_start,
    "solution-end": lambda job: Made("", starts=True, gate="end"),
    "solution": lambda job: details(_solution_name(job), job.body()),
    "quiz": _quiz,
    "errata": _errata,
    "math": lambda job: display(job.block.body or job.block.argument, job.number() or None),
    **dict.fromkeys(["code", "code-block"], _code),
    "image": _image,
    "figure": _figure,
    "table": _table,
    "tab-item": _tab,
    **dict.fromkeys(["tab-set", "div", "container"], Job.body),
    **dict.fromkeys(["epigraph", "pull-quote", "margin"], lambda job: quote(job.body())),
    "bibliography": lambda job: REFERENCES,
    "lecture": lambda job: "",
    **dict.fromkeys(["toctree", "tableofcontents", "contents"], lambda job: ""),
}
