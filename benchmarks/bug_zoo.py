"""Which planted bugs `course_utils.diagnose`, torchtest2 and torcheck find, and whom they accuse.

Each bug of `course_utils.zoo` over five seeds, each tool on the same script. A bug is found when a
check raises an alarm that the tool does not raise on the healthy script of the same seed; each
alarm on a healthy script is false. An exception of the script itself counts as found, for any tool.

diagnose gets model, loss, splits, optimizer, step and build; errors and warnings are alarms.
torchtest2 gets `check_model` with loss, optimizer and the shape of the output, a warning being an
alarm as well, `ModelTester.test_anomaly`, and its assertion that numbers are finite on all rows of
all splits. Its post-train assertions are left out: their threshold is the reader's.
torcheck watches two epochs of the script's own loop: all parameters that ought to learn must
change, no parameter and no output may be NaN or infinite, and logits of classes must not all lie
in [0, 1] (its own example).
Exits with 1 if diagnose finds less than 90 % of the bugs or accuses a healthy script.
Bugs that are held out were written down before the checks were seen, and no check is tuned on them.
Run: python benchmarks/bug_zoo.py [seeds]; five seeds take about ten minutes.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

import torch
import torchtest2
from torcheck.registry import Registry
from torchtest2.model_tester import ModelTester

from course_utils.stats import proportion_ci
from course_utils.zoo import BUGS, HEALTHY, HELD_OUT, Bug, Script, alarms, examine, parts

Tool = Callable[[Script, Script, int], set[str]]
Make = Callable[[int], Script]
Counts = dict[str, dict[str, int]]  # bug or healthy script -> tool -> seeds with an alarm
EPOCHS = 2  # of the loop that torcheck watches


def with_diagnose(script: Script, intended: Script, seed: int) -> set[str]:
    return alarms(examine(script, seed))


def with_torchtest2(script: Script, intended: Script, seed: int) -> set[str]:
    inputs, targets = parts(next(iter(script.train)))
    x, _ = parts(next(iter(intended.train)))
    with torch.no_grad():
        shape = (intended.model(**x) if isinstance(x, dict) else intended.model(x)).shape
    report = torchtest2.check_model(
        script.model,
        inputs,
        targets,
        loss_fn=script.loss_fn,
        optimizer=script.optimizer,
        output_shape=(None, *shape[1:]),
        seed=seed,
    )
    found = {r.name for r in report.results if r.status.value in ("WARN", "FAIL")}
    batch = [inputs, targets]
    tester = ModelTester(script.model, script.loss_fn, script.optimizer, batch, seed=seed)
    found |= alarm(tester.test_anomaly)
    for batches in (script.train, script.val, script.test):
        for x, _ in map(parts, batches):
            for tensor in x.values() if isinstance(x, dict) else [x]:
                found |= alarm(partial(torchtest2.assert_all_finite, tensor))
    return found


def with_torcheck(script: Script, intended: Script, seed: int) -> set[str]:
    registry = Registry()
    every = {"changing": True, "check_nan": True, "check_inf": True}
    logits_only = {"output_range": (0, 1), "negate_range": True} if is_classifier(script) else {}
    frozen = {n for n, p in intended.model.named_parameters() if not p.requires_grad}

    def watch() -> None:
        registry.register(script.optimizer)
        if not frozen:
            registry.add_module(script.model, "model", **every, **logits_only)
        for name, parameter in script.model.named_parameters() if frozen else ():
            if name not in frozen:
                registry.add_tensor(parameter, name, "model", **every)
        for _ in range(EPOCHS):
            for batch in script.train:
                script.model.train()
                script.step(script.model, batch, script.optimizer)

    return alarm(watch)


def is_classifier(script: Script) -> bool:
    _, target = parts(next(iter(script.train)))
    return not target.is_floating_point() or set(target.unique().tolist()) <= {0.0, 1.0}


def alarm(check: Callable[[], object]) -> set[str]:
    """What a check raises: the kind of error and its text without names of parameters."""
    try:
        check()
    except Exception as error:
        known = ("should change", "shouldn't all", "NaN", "inf", "belong to any optimizer")
        kinds = [kind for kind in known if kind in str(error)]
        return {f"{type(error).__name__} {kinds}"}
    return set()


TOOLS: dict[str, Tool] = {
    "diagnose": with_diagnose,
    "torchtest2": with_torchtest2,
    "torcheck": with_torcheck,
}


class Rates:
    """Alarms of each tool on each script, and the time they took."""

    def __init__(self, seeds: int) -> None:
        self.seeds = seeds
        self.alarms: dict[tuple[str, str, int], set[str]] = {}
        self.seconds: dict[str, list[float]] = {tool: [] for tool in TOOLS}

    def run(self, tool: str, make: Make, intended: Make, seed: int) -> set[str]:
        script, healthy = make(seed), intended(seed)
        torch.manual_seed(seed)
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return TOOLS[tool](script, healthy, seed)
        except Exception as error:
            return {f"stopped by {type(error).__name__}"}
        finally:
            self.seconds[tool].append(time.process_time() - start)

    def on_healthy(self, tool: str, name: str, seed: int) -> set[str]:
        key = (tool, name, seed)
        if key not in self.alarms:
            self.alarms[key] = self.run(tool, HEALTHY[name], HEALTHY[name], seed)
        return self.alarms[key]

    def accused(self, tool: str, name: str) -> int:
        """Over how many seeds a healthy script is accused."""
        return sum(bool(self.on_healthy(tool, name, seed)) for seed in range(self.seeds))

    def found(self, tool: str, bug: Bug) -> int:
        """Over how many seeds a bug raises an alarm that the healthy script does not."""
        return sum(
            bool(
                self.run(tool, bug.script, bug.healthy, seed)
                - self.on_healthy(tool, bug.base.__name__, seed)
            )
            for seed in range(self.seeds)
        )


def rate(counts: Counts, tool: str, least: int) -> str:
    """How many rows have a count of at least that, with an interval, and the share of all runs."""
    p = proportion_ci(sum(row[tool] >= least for row in counts.values()), len(counts))
    return f"{round(p.mean * p.n)} of {p.n} ({100 * p.low:.0f} to {100 * p.high:.0f} %)"


def main() -> int:
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rates = Rates(seeds)
    print(f"{'':10s} {'':28s}" + "".join(f"{tool:>11s}" for tool in TOOLS))

    def table(title: str, names: Iterable[str], count: Callable[[str, str], int]) -> Counts:
        print(title)
        counts: Counts = {}
        for name in names:
            counts[name] = {tool: count(tool, name) for tool in TOOLS}
            kind = (BUGS | HELD_OUT)[name].kind if name not in HEALTHY else ""
            cells = "".join(f"{counts[name][tool]:9d}/{seeds}" for tool in TOOLS)
            print(f"{kind:10s} {name:28s}{cells}", flush=True)
        return counts

    bugs = BUGS | HELD_OUT
    found = table("BUGS: found", BUGS, lambda tool, name: rates.found(tool, bugs[name]))
    unseen = table(
        "BUGS THAT NO CHECK WAS MADE FOR: found",
        HELD_OUT,
        lambda tool, name: rates.found(tool, bugs[name]),
    )
    accused = table("HEALTHY SCRIPTS: accused", HEALTHY, rates.accused)
    print("With 95 % intervals of Clopper and Pearson over bugs, or over healthy scripts:")
    for tool in TOOLS:
        print(
            f"{tool:10s}: found {rate(found, tool, seeds)}; "
            f"of those no check was made for {rate(unseen, tool, seeds)}; "
            f"accused {rate(accused, tool, 1)}; "
            f"median of {median(rates.seconds[tool]):.2f} CPU seconds a script"
        )
    enough = sum(row["diagnose"] for row in found.values()) >= 0.9 * seeds * len(BUGS)
    return 0 if enough and not any(row["diagnose"] for row in accused.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
