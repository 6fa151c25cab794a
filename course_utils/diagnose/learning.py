"""Whether a run has learned anything from its inputs."""

from __future__ import annotations

from course_utils.diagnose.constant import best_constant, constant_losses
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import AS_IT_IS, Change, Run, run

TRIFLE = 0.01  # of the loss of a constant answer: less is no progress
FACTORS = (1e-2, 1e-4, 1e2, 1e4)


def finished(subject: Subject) -> Run:
    """The run of the script as it is; skips the check if it raised."""
    done = run(subject)
    if done.error:
        raise Skip(f"training raised {done.error}")
    return done


def learns(subject: Subject, change: Change = AS_IT_IS) -> bool:
    """Whether a run takes the train losses down, to below those of the best constant answer.

    Of a network that was trained before, only the second is asked.
    """
    done = run(subject, change)
    if done.error or not lower(done.after, constant_losses(subject)):
        return False
    fell = float((done.before - done.after).mean()) > TRIFLE * abs(best_constant(subject))
    return (fell and lower(done.after, done.before)) or was_trained(subject)


def progress(subject: Subject, change: Change = AS_IT_IS) -> float:
    """How far the loss after a run is below the best constant answer."""
    done = run(subject, change)
    return float("-inf") if done.error else best_constant(subject) - float(done.after.mean())


def was_trained(subject: Subject) -> bool:
    """Whether the network beat a constant answer before the run, by a tenth.

    By less than that, a network with random weights does it now and then.
    """
    before, constant = run(subject).before, constant_losses(subject)
    gain = float((constant - before).mean())
    return lower(before, constant) and gain > 0.1 * abs(float(constant.mean()))


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
