"""What a session makes of ordinary notebooks, and of those that are broken in one way each."""

from __future__ import annotations

import json
import os

import pytest
from grading_runs import RIGHT, TEST, calls, notebook, run, stub, working_sandbox

SCALE, SHIFT, POWER = RIGHT.values()
RIGHTS = {"scale": 2, "shift": 2, "power": 2}


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


@pytest.fixture
def grade(sandbox, tmp_path):
    """Run cells, and make two calls of each function."""
    return lambda *cells, **limits: run(tmp_path, notebook(*cells), calls(), sandbox, **limits)


@pytest.fixture
def grade_file(sandbox, tmp_path):
    """The same for the content of a file."""
    return lambda content, **limits: run(tmp_path, content, calls(), sandbox, **limits)


def statuses(done) -> list[str]:
    return [answer.status for answer in done.transcript.answers]


def test_a_right_notebook_is_right_without_a_note(grade) -> None:
    done = grade("import torch", SCALE, SHIFT, POWER)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


def test_stubs_and_missing_functions_are_not_attempted(grade) -> None:
    changed = "def shift(x, by):\n    # to do\n    raise NotImplementedError()"
    done = grade(stub("scale"), changed, f"{stub('scale')}\nscale(1, 2)")
    assert statuses(done) == ["not attempted"] * 6
    assert done.transcript.notes == ()


def test_what_a_function_raises_is_told_with_its_line(grade) -> None:
    wrong = "def shift(x, by):\n    by = None\n    return x['first']"
    done = grade(SCALE, wrong, "def power(x, by):\n    raise ValueError('z' * 1000 + '\\x1b[2J')")
    assert done.right == {"scale": 2, "shift": 0, "power": 0}
    shift, power = done.transcript.answers[2], done.transcript.answers[4]
    assert shift.status == power.status == "raised"
    assert shift.text.endswith("(line 3 of code cell 2: `return x['first']`)")
    assert power.text.startswith("ValueError: zzz")
    assert 300 < len(power.text) < 400
    assert power.text.isprintable()


def test_cells_that_raise_are_noted_and_cost_nothing_else(grade) -> None:
    done = grade(SCALE, "1 / 0", SHIFT, "if:", POWER, "import sys; sys.exit(3)")
    assert done.right == RIGHTS
    notes = done.notes("cell")
    assert "code cell 2: ZeroDivisionError: division by zero (line 1 of code cell 2" in notes
    assert "code cell 4: SyntaxError: invalid syntax (line 1" in notes
    assert "code cell 6: SystemExit: 3" in notes


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


def test_public_tests_are_not_run_again(grade) -> None:
    copied = TEST.format("scale").replace("    ", "\t").replace("\n\n", "\n\n\n")
    done = grade(SCALE, SHIFT, POWER, copied, TEST.format("shift") + "\nchanged = True")
    assert done.right == RIGHTS
    assert "code cell 5: NameError: name 'check'" in done.notes("cell")
    assert "code cell 4" not in done.notes("cell")


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


def test_a_function_that_does_not_end_costs_only_its_own_answers(grade) -> None:
    hard = "def shift(x, by):\n    while True:\n        try:\n            sum(range(1000))\n"
    hard += "        except BaseException:\n            pass"
    done = grade(SCALE, "def power(x, by):\n    while True: pass", hard, call_seconds=1)
    assert done.right == {"scale": 2, "shift": 0, "power": 0}
    assert statuses(done) == ["answered"] * 2 + ["timed out"] * 4
    assert "power: stopped after 1 s (line 2 of code cell 2" in done.notes("limit")
    assert "shift: " in done.notes("limit")


def test_a_cell_that_does_not_end_costs_only_what_it_would_have_defined(grade) -> None:
    endless = SHIFT + "while True: pass\n" + stub("scale")
    in_c = "import collections, itertools\ncollections.deque(itertools.repeat(0), 0)"
    done = grade(SCALE, endless, in_c, POWER, cell_seconds=1)
    assert done.right == RIGHTS
    assert "code cell 2: stopped after 1 s (line 3" in done.notes("limit")
    assert "code cell 3: it did not end when its time was up" in done.notes("limit")


def test_all_of_a_notebook_has_one_time_limit(grade) -> None:
    slow = "import time\n\ndef power(x, by):\n    time.sleep(30)"
    done = grade(SCALE, SHIFT, slow, call_seconds=60, seconds=15)
    assert done.seconds < 25
    assert statuses(done) == ["answered"] * 4 + ["not reached"] * 2
    assert "power: the time for the whole submission was used up" in done.notes("limit")


def test_stripped_and_duplicated_notebooks_keep_their_mark(grade_file) -> None:
    cells = [SCALE.splitlines(keepends=True), SHIFT, SHIFT, POWER, TEST.format("scale")]
    bare = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    done = grade_file(json.dumps(bare))
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (os.urandom(4096), "not JSON"),
        ("%PDF-1.7 my homework", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"cells": 5}', "no list of cells"),
        ("[1, 2]", "no list of cells"),
    ],
    ids=["empty", "binary", "pdf", "deep", "cells", "list"],
)
def test_what_is_no_notebook_is_said_to_be_none(grade_file, content, problem) -> None:
    done = grade_file(content)
    assert statuses(done) == ["not attempted"] * 6
    assert problem in done.notes("unreadable")


def test_an_empty_notebook_is_not_attempted(grade_file) -> None:
    odd = json.dumps({"cells": [3, {"cell_type": "code"}, {"cell_type": "code", "source": 7}]})
    for content in (notebook(), odd):
        done = grade_file(content)
        assert statuses(done) == ["not attempted"] * 6
        assert done.transcript.notes == ()


def links(path) -> None:
    path.symlink_to("/etc/passwd")


def fills(path) -> None:
    with path.open("wb") as file:
        file.truncate(21 << 20)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (links, "symbolic link"),
        (os.mkfifo, "not a regular file"),
        (os.mkdir, "not a regular file"),
        (fills, "more than 20 MiB"),
        (lambda path: None, "No such file"),
    ],
    ids=["link", "pipe", "folder", "huge", "missing"],
)
def test_only_regular_files_are_opened(sandbox, tmp_path, make, problem) -> None:
    make(tmp_path / "submission.ipynb")
    done = run(tmp_path, None, calls(), sandbox)
    assert statuses(done) == ["not attempted"] * 6
    assert problem in done.notes("unreadable")
