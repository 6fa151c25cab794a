"""Cells that want a mark for nothing."""

from __future__ import annotations

from hostile import CHANNEL, Attack

CHEATS = [
    Attack(
        "results_file",
        """
import json, pickle
for folder in ("/autograder/results", "/autograder", "/tmp", HOST["folder"]):
    try:
        with open(folder + "/results.json", "w") as file:
            json.dump({"score": 100, "tests": [{"name": "shift", "score": 10}]}, file)
    except OSError as error:
        found.append(str(error))
print('{"score": 100}', "Total: 30/30")
""",
        "attempt",
        "open /autograder/results/results.json for writing",
    ),
    Attack(
        "patched_checks",
        """
import numpy, course_utils.checks, grading.plain
def yes(*args, **kwargs):
    return True
torch.allclose = torch.equal = numpy.allclose = yes
course_utils.checks.run_tests = yes
torch.Tensor.__eq__ = yes
grading.plain.difference = lambda *args: ""
def shift(x, by):
    return yes
""",
        "attempt",
        "it replaced torch.allclose",
        context="import torch",
    ),
    Attack(
        "always_equal",
        """
class Equal(float):
    def __eq__(self, other): return True
    def __float__(self): return 1.0
    def __array__(self, *args): raise SystemExit
    __hash__ = None
class Twin(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        raise KeyboardInterrupt("no")
def shift(x, by):
    return {"a": Equal(3), "b": torch.ones(3).as_subclass(Twin)}
def test_hook():
    sys.settrace(lambda *args: None)
test_hook()
""",
        "attempt",
        "sys.settrace",
        context="import torch",
    ),
    Attack(
        "fake_answers",
        CHANNEL
        + """
import json
for token in ("hello", "0", None):
    say(json.dumps({"id": token, "status": "answered", "value": 3.0}).encode() + b"\\n")
""",
        "channel",
        "it answered what it was not asked",
    ),
    Attack(
        "answers_in_advance",
        """
def workers():
    frame = sys._getframe()
    while frame is not None:
        yield from (v for v in frame.f_locals.values() if type(v).__name__ == "Reporter")
        frame = frame.f_back
def shift(x, by):
    reporter, frame = next(workers()), sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    token = frame.f_locals["request"]["id"]
    for _ in range(3):
        reporter.send(id=token, status="answered", value=[1.0, 2.0, 3.0], text="")
    return [1.0, 2.0, 3.0]
""",
        "channel",
        "shift: the grader's channel was used by something else: it answered what it was not asked",
    ),
    Attack(
        "steals_requests",
        CHANNEL
        + """
def steal():
    while True:
        for number in channels():
            try:
                os.read(number, 65536)
            except OSError:
                pass
threading.Thread(target=steal, daemon=True).start()
time.sleep(0.2)
""",
        "limit",
        "did not end when its time was up",
        keeps=False,
    ),
    Attack(
        "closes_everything",
        "os.closerange(0, 256)",
        "attempt",
        "code cell 4: it ended the process of the grader",
    ),
    Attack(
        "pickles",
        CHANNEL
        + """
import pickle
class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {HOST['folder']}/{HOST['token']}",)
data = pickle.dumps(Bomb())
pickle.loads(pickle.dumps(pickle.Pickler))
def shift(x, by):
    say(data + b"\\n")
    return Bomb()
""",
        "channel",
        "shift: the grader's channel was used by something else: it sent what is not JSON",
    ),
    Attack(
        "steals_the_solution",
        """
import inspect
for thing in gc.get_objects():
    if isinstance(thing, dict) and ("solution" in thing or "expected" in thing):
        found.append(str(thing)[:1000])
frame = sys._getframe()
while frame is not None:
    found.append(str(frame.f_locals)[:1000])
    frame = frame.f_back
""",
        "attempt",
        "gc.get_objects",
    ),
]
