"""`diagnose` for a script of the zoo, and the alarms that it raises."""

from __future__ import annotations

from typing import Any

from course_utils.diagnose import Report, diagnose
from course_utils.zoo.script import Script


def examine(script: Script, seed: int = 0, **options: Any) -> Report:
    """What `diagnose` finds in a script, of which it gets all parts; ``options`` are its own."""
    return diagnose(
        script.model,
        script.loss_fn,
        script.train,
        optimizer=script.optimizer,
        val_batches=script.val,
        test_batches=script.test,
        step=script.step,
        build=script.build,
        seed=seed,
        **options,
    )


def alarms(report: Report) -> set[str]:
    """The checks with an error or a warning; a note is none."""
    return {finding.check for finding in report.findings if finding.severity != "note"}
