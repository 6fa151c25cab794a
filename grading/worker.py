"""The process behind the wall: runs a notebook, then makes the calls that it is asked for.

All that comes out of it is hostile to the other side, since the student's code shares its memory:
nothing here keeps a secret or decides about a mark.
"""

from __future__ import annotations

import json

from grading.inside import audit
from grading.inside.attempt import attempt
from grading.inside.confine import confine
from grading.inside.reporter import Reporter
from grading.inside.student import Student


def main() -> None:
    """Read requests, a line of JSON each, until there are no more."""
    reporter = Reporter()
    setup = json.loads(reporter.requests.readline())
    student = Student(setup, reporter)
    # Now that libraries are loaded: the room that they take is not counted.
    confine(setup["limits"])
    audit.start(lambda text: reporter.note("attempt", text))
    # Nothing of the student's is here yet: whoever does not come so far is not to blame.
    reporter.send(id="hello")
    request = json.loads(reporter.requests.readline())
    student.run(request)
    for name in attempt(audit.replaced, 1).value or ():
        reporter.note("attempt", f"it replaced {name}")
    reporter.send(id=request["id"], done=True)
    for line in reporter.requests:
        request = json.loads(line)
        reporter.send(id=request["id"], **student.call(request))
