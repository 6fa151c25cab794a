"""Notebooks as students hand them in: cells in any order, copied stubs, magics, lost metadata."""

from __future__ import annotations

import json

import pytest
from grading_runs import RIGHT, TEST, calls, notebook, run, stub, working_sandbox

from grading.inside import cells

SCALE, SHIFT, POWER = RIGHT.values()
RIGHTS = {"scale": 2, "shift": 2, "power": 2}


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


@pytest.fixture
def grade(sandbox, tmp_path):
    """Run cells, and make two calls of each function."""
    return lambda *cells, **limits: run(tmp_path, notebook(*cells), calls(), sandbox, **limits)


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("%matplotlib inline\nx = 1", "None\nx = 1"),
        ("if x:\n    !pip install y\n    z()", "if x:\n    None\n    z()"),
        ("names = !ls *\nscale??\n?torch.nn", "names = None\nNone\nNone"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%bash\nrm -rf /", ""),
        ("a = (3\n% 2)", "a = (3\n% 2)"),
        ("t = '''\n%d\n!\n'''", "t = '''\n%d\n!\n'''"),
    ],
)
def test_magics_become_plain_python_line_by_line(source, plain) -> None:
    assert cells.plain_python(source) == plain


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("%PDF-1.7 my homework", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"cells": 5}', "no list of cells"),
        ("[1, 2]", "no list of cells"),
    ],
    ids=["empty", "pdf", "deep", "cells", "list"],
)
def test_what_is_no_notebook_is_said_to_be_none(text, problem) -> None:
    with pytest.raises(ValueError, match=problem):
        cells.sources(text)


def test_cells_without_a_source_are_empty() -> None:
    odd = [3, {"cell_type": "code"}, {"cell_type": "code", "source": ["a", 7]}, {"cell_type": 1}]
    assert cells.sources(json.dumps({"cells": odd})) == ["", "a"]


def test_reordered_cells_still_work(grade) -> None:
    uses = "factor = base * 2\nbase_was = base"
    done = grade(
        uses, "def scale(x, by):\n    return x * by * factor / 2", "base = 1", SHIFT, POWER
    )
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


def test_a_second_try_does_not_take_back_later_definitions(grade) -> None:
    early = "def scale(x, by):\n    return 0\noffset = 5\nlate"
    done = grade(early, SCALE, "offset = 0", "late = 1", SHIFT + "\n\n", POWER)
    assert done.right == RIGHTS
    again = "def shift(x, by):\n    return x + by + offset"
    assert grade(early, SCALE, "offset = 0", "late = 1", again, POWER).right == RIGHTS


def test_a_copied_stub_does_not_take_an_answer_away(grade) -> None:
    recursive = (
        "def power(x, by):\n    return x if by == 1 else x * power(x, by - 1) if by > 1 else 1"
    )
    done = grade(SCALE, SHIFT, recursive, stub("power"), SCALE, stub("scale"), stub("shift"))
    assert done.right == RIGHTS


def test_the_last_of_two_answers_counts(grade) -> None:
    done = grade("def scale(x, by):\n    return 0", SCALE, SHIFT, "def shift(x, by):\n    return 0")
    assert done.right == {"scale": 2, "shift": 0, "power": 0}


def test_a_function_may_be_bound_in_other_ways(grade) -> None:
    below = f"{stub('scale')}\nscale = lambda x, by: x * by"
    kept = "if True:\n    def shift(x, by):\n        return x + by"
    assert grade(below, kept, "from operator import pow as power").right == RIGHTS


def test_public_tests_are_defined_and_not_run(grade) -> None:
    """Students check again in cells of their own."""
    again = "check(scale, *[test_scale])"
    done = grade(SCALE, SHIFT, POWER, TEST.format("scale"), again, cell_seconds=2.0)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


def test_cells_know_no_future_that_they_do_not_import(grade) -> None:
    annotated = "def typed(x: int): pass\nassert typed.__annotations__ == {'x': int}"
    assert grade(annotated).transcript.notes == ()


def test_magics_are_left_out(grade) -> None:
    magics = "%matplotlib inline\nif True:\n    !pip install everything\nfiles = !ls\nscale?\n"
    prose = "text = '''\n%d percent\n'''\nassert text.strip() == '%d percent'"
    done = grade(magics + SCALE, "%%time\n" + SHIFT, "%%bash\nrm -rf /", prose, POWER)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


ORDINARY = """\
import copy, dataclasses, json, os, pathlib, platform, random, tempfile, warnings
import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize, scipy.stats
import sklearn.datasets, sklearn.linear_model
import torch
from IPython.display import HTML, clear_output, display
from torch.utils.data import DataLoader, TensorDataset
from course_utils.checks import check
from course_utils.data import spiral
from course_utils.optim import Adam

os.environ["PYTHONHASHSEED"] = "0"
random.seed(0)
digits, classes = sklearn.datasets.load_digits(return_X_y=True)
sklearn.linear_model.LogisticRegression(max_iter=5).fit(digits[:99], classes[:99])
figure, axes = plt.subplots()
axes.plot(scipy.stats.norm.pdf(np.linspace(-1, 1)))
plt.savefig("figure.png")
plt.show()
net = torch.nn.Linear(2, 1)
optimizer = torch.optim.Adam(net.parameters())
for batch in DataLoader(TensorDataset(torch.ones(8, 2)), batch_size=4, shuffle=True):
    net(batch[0]).sum().backward()
    optimizer.step()
torch.save(net.state_dict(), "net.pt")
net.load_state_dict(torch.load("net.pt"))
pathlib.Path("out.json").write_text(json.dumps({"a": 1}))
with tempfile.NamedTemporaryFile("w") as file:
    file.write("x")
display(HTML("<b>done</b>"))
help(len)
print(platform.platform(), platform.processor(), copy.deepcopy(net))
warnings.warn("that is fine")
"""


def test_what_ordinary_notebooks_do_is_no_attempt(grade) -> None:
    check = "check(scale, lambda scale: None)"
    done = grade(ORDINARY, SCALE, check, SHIFT, POWER, cell_seconds=60, memory=2 << 30)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


def test_stripped_and_duplicated_cells_keep_their_mark(sandbox, tmp_path) -> None:
    cells = [SCALE.splitlines(keepends=True), SHIFT, SHIFT, POWER, TEST.format("scale")]
    bare = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    done = run(tmp_path, json.dumps(bare), calls(), sandbox)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()
