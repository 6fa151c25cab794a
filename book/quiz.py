"""The `quiz` directive: a self-check that works by HTML and CSS alone, without any script."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from book.quiz_text import Option, Quiz, parse_quiz


class quiz(nodes.General, nodes.Element):
    """A question: a fieldset. Holds quiz_legend, further blocks of the question, quiz_options."""


class quiz_legend(nodes.General, nodes.TextElement):
    """The first paragraph of the question."""


class quiz_option(nodes.General, nodes.Element):
    """An input with its label and feedback."""


class quiz_label(nodes.General, nodes.TextElement):
    """What can be chosen."""


class quiz_feedback(nodes.General, nodes.TextElement):
    """What is shown once it is chosen."""


class QuizDirective(SphinxDirective):
    """A question and its options: `- [x] right — feedback`, `- [ ] wrong — feedback`."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Build the quiz; errors carry page and line."""
        try:
            parsed = parse_quiz("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from None
        page = re.sub(r"\W+", "-", self.env.docname)
        name = f"quiz-{page}-{self.env.new_serialno('quiz') + 1}"
        node = quiz(kind="checkbox" if parsed.several else "radio", name=name)
        self.set_source_info(node)
        node += self._question(parsed)
        for i, option in enumerate(parsed.options, 1):
            node += self._option(option, f"{name}-{i}", node)
        return [node]

    def _question(self, parsed: Quiz) -> list[nodes.Node]:
        holder = nodes.Element()
        lines = self.content[: parsed.options[0].line]
        self.state.nested_parse(lines, self.content_offset, holder)
        first, *rest = holder.children
        if not isinstance(first, nodes.paragraph):
            raise self.error("the question of a quiz must start with a paragraph")
        hint = [nodes.Text(" (More than one is right.)")] if parsed.several else []
        return [quiz_legend("", "", *first.children, *hint), *rest]

    def _option(self, option: Option, name: str, parent: nodes.Element) -> quiz_option:
        label = quiz_label("", "", *self._inline(option.text, option.line), option=name)
        verdict = nodes.strong("", "Right." if option.right else "Wrong.")
        feedback = quiz_feedback("", "", verdict, right=option.right)
        if option.feedback:
            feedback += [nodes.Text(" "), *self._inline(option.feedback, option.line)]
        input_of = {"option": name, "kind": parent["kind"], "group": parent["name"]}
        return quiz_option("", label, feedback, right=option.right, **input_of)

    def _inline(self, text: str, line: int) -> list[nodes.Node]:
        found, problems = self.state.inline_text(text, self.content_offset + line)
        return [*found, *problems]


def visit_quiz(self: Any, node: quiz) -> None:
    """Open the fieldset."""
    self.body.append(self.starttag(node, "fieldset", CLASS="quiz"))


def depart_quiz(self: Any, node: quiz) -> None:
    """Close it."""
    self.body.append("</fieldset>\n")


def visit_legend(self: Any, node: quiz_legend) -> None:
    """Open the legend: what screen readers say before each option."""
    self.body.append("<legend>")


def depart_legend(self: Any, node: quiz_legend) -> None:
    """Close it."""
    self.body.append("</legend>\n")


def visit_option(self: Any, node: quiz_option) -> None:
    """Open an option with its input; browsers must not fill in an earlier choice."""
    self.body.append(
        f'<div class="quiz-option"><input type="{node["kind"]}" id="{node["option"]}" '
        f'name="{node["group"]}" autocomplete="off">'
    )


def depart_option(self: Any, node: quiz_option) -> None:
    """Close it."""
    self.body.append("</div>\n")


def visit_label(self: Any, node: quiz_label) -> None:
    """Open the label of the input."""
    self.body.append(f'<label for="{node["option"]}">')


def depart_label(self: Any, node: quiz_label) -> None:
    """Close it: the feedback must follow at once, CSS shows it by `input:checked + label + *`."""
    self.body.append("</label>")


def visit_feedback(self: Any, node: quiz_feedback) -> None:
    """Open the feedback."""
    self.body.append(f'<div class="quiz-feedback {"right" if node["right"] else "wrong"}">')


def depart_feedback(self: Any, node: quiz_feedback) -> None:
    """Close it."""
    self.body.append("</div>")


class PlainQuiz(SphinxPostTransform):
    """Where there are no inputs (LaTeX, text), a quiz is a list, with the answers after it."""

    default_priority = 200

    def run(self, **kwargs: Any) -> None:
        """Replace every quiz, unless the builder writes HTML."""
        if self.app.builder.format == "html":
            return
        for node in list(self.document.findall(quiz)):
            node.replace_self(_plain(node))


def _plain(node: quiz) -> list[nodes.Node]:
    question: list[nodes.Node] = []
    options, answers = nodes.enumerated_list(), nodes.enumerated_list()
    for child in node.children:
        if isinstance(child, quiz_option):
            label, feedback = child.children
            options += nodes.list_item("", nodes.paragraph("", "", *_children(label)))
            answers += nodes.list_item("", nodes.paragraph("", "", *_children(feedback)))
        elif isinstance(child, quiz_legend):
            question.append(nodes.paragraph("", "", *_children(child)))
        else:
            question.append(child)
    for numbered in (options, answers):
        numbered.update_basic_atts({})
        numbered.attributes.update(enumtype="arabic", prefix="", suffix=".")
    return [*question, options, nodes.paragraph("", "Answers:"), answers]


def _children(node: nodes.Node) -> list[nodes.Node]:
    return list(node.children)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, its nodes and its plain form."""
    app.add_node(quiz, html=(visit_quiz, depart_quiz))
    app.add_node(quiz_legend, html=(visit_legend, depart_legend))
    app.add_node(quiz_option, html=(visit_option, depart_option))
    app.add_node(quiz_label, html=(visit_label, depart_label))
    app.add_node(quiz_feedback, html=(visit_feedback, depart_feedback))
    app.add_directive("quiz", QuizDirective)
    app.add_post_transform(PlainQuiz)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
