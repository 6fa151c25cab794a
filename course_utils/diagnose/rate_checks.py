"""What holds training back: the learning rate, its schedule, regularization, or the step itself."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.diagnose.constant import best_constant
from course_utils.diagnose.layers import dropout_rate
from course_utils.diagnose.learning import better_rate, finished, learns, progress, was_trained
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import AS_IT_IS, Change, Run, run

NAME = "learning_rate"
SLOW = 1e-3  # weights that move less in the run need a thousand runs to move by their own size
KEPT = 0.4  # of the progress that is made without what holds it back
SIZEABLE = 0.2  # of the loss of a constant answer: progress worth a comparison
LONG_MEMORY = 0.995  # momentum that averages over more than 200 updates


def check_learning_rate(subject: Subject) -> Iterator[Finding]:
    """If the run fails: does one with a single change succeed? That change names the cause."""
    if subject.optimizer is None:
        raise Skip("needs optimizer")
    done = finished(subject)
    yield from _settings(subject)
    first, last = done.rates
    if last < 1e-2 * first:
        yield Finding(
            NAME,
            "warning",
            f"the learning rate fell from {first:.2g} to {last:.2g} in {len(done.losses)} steps",
            {"first": first, "last": last},
            advice="a schedule that counts epochs is stepped once an epoch, not once a batch",
        )
        return
    causes = list(_causes(subject))
    yield from causes
    if not causes and not learns(subject) and not was_trained(subject):
        yield from _rate(subject, done)


def _settings(subject: Subject) -> Iterator[Finding]:
    """Momentum that remembers for longer than the run, and Adam's betas exchanged."""
    assert subject.optimizer is not None
    for group in subject.optimizer.param_groups:
        betas = group.get("betas", (group.get("momentum", 0.0), 1.0))
        momentum = float(betas[0])
        if momentum > LONG_MEMORY or momentum > float(betas[1]):
            yield Finding(
                NAME,
                "warning",
                f"momentum of {momentum:g} adds up gradients of {1 / (1 - momentum):.0f} updates",
                {"momentum": momentum},
                advice="0.9 is usual; 0.99 or 0.999 is the place of Adam's second beta",
            )
            return


def _rate(subject: Subject, done: Run) -> Iterator[Finding]:
    factor = better_rate(subject)
    if factor is None:
        return
    large, still = factor < 1, max(done.moved.values(), default=0.0) < SLOW
    after, other = done.after.mean(), run(subject, Change(lr=factor)).after.mean()
    yield Finding(
        NAME,
        "warning" if large or still else "note",
        f"the learning rate {done.rates[0]:.2g} is too {'large' if large else 'small'}: "
        f"{factor:g} times as much takes the loss to {other:.3g} instead of {after:.3g}",
        {"rate": done.rates[0], "factor": factor, "after": float(after), "other": float(other)},
        advice="search the rate with lr_find, then compare rates by factors of 3",
    )


def _causes(subject: Subject) -> Iterator[Finding]:
    """Weight decay, dropout and the reader's step, each taken away."""
    for name, change in _suspects(subject).items():
        gain, kept = progress(subject, change), progress(subject)
        if kept < KEPT * gain and gain > SIZEABLE * best_constant(subject):
            after, other = (float(run(subject, c).after.mean()) for c in (AS_IT_IS, change))
            yield Finding(
                NAME,
                "warning",
                f"{name} holds training back: without it the loss reaches {other:.3g} instead of "
                f"{after:.3g}",
                {"after": after, "after_without": other},
                advice="start without regularization; compare your step with the usual four lines",
            )


def _suspects(subject: Subject) -> dict[str, Change]:
    found: dict[str, Change] = {}
    if subject.optimizer is None or subject.error_found:
        return found
    done, groups = run(subject), subject.optimizer.param_groups
    if any(float(group.get("weight_decay", 0.0)) >= 0.03 for group in groups):
        found["weight decay"] = Change(decay=False)
    if any(dropout_rate(module) > 0.5 for module in subject.model.modules()):
        found["dropout"] = Change(dropout=False)
    if subject.own_step is not None and not was_trained(subject) and not learns(subject):
        # A step that gathers gradients updates less often: so does the one it is compared with.
        found["your step function"] = Change(plain=True, steps=done.seen.updates)
    return found
