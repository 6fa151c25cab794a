"""Whether a run has learned anything from its inputs."""

from __future__ import annotations

from course_utils.diagnose.constant import best_constant, constant_losses
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import AS_IT_IS, Change, Run, run


def finished(subject: Subject) -> Run:
    """The run of the script as it is; skips the check if it raised."""
    done = run(subject)
    if done.error:
        raise Skip(f"training raised {done.error}")
    return done


def learns(subject: Subject, change: Change = AS_IT_IS) -> bool:
    """Whether, after the run, train losses are below those of the best constant answer."""
    done = run(subject, change)
    return not done.error and lower(done.after, constant_losses(subject))


def progress(subject: Subject, change: Change = AS_IT_IS) -> float:
    """How far the loss after a run is below the best constant answer."""
    done = run(subject, change)
    return float("-inf") if done.error else best_constant(subject) - float(done.after.mean())


def was_trained(subject: Subject) -> bool:
    """Whether the model was better than a constant answer before the run: it has been trained."""
    return lower(run(subject).before, constant_losses(subject))


FACTORS = (1e-2, 1e-4, 1e2, 1e4)


def better_rate(subject: Subject) -> float | None:
    """The factor on the learning rate with which the run learns, if there is one; found once.

    None without a search if an error has been found: that is the reason then.
    """
    if subject.optimizer is None or subject.error_found:
        return None
    return subject.memo("better rate", lambda: _better_rate(subject))


def _better_rate(subject: Subject) -> float | None:
    for factor in FACTORS:
        if learns(subject, Change(lr=factor)):
            return factor
    return None
