"""Do rows stay apart, and do training and evaluation agree?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course_utils.diagnose.batches import Batch, Path, map_tensors
from course_utils.diagnose.constant import best_constant
from course_utils.diagnose.report import Finding
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Skip, Subject, dropout_rate, has_running_stats
from course_utils.diagnose.training import run, trained

UPDATES = 300  # enough for a momentum of 0.01
LAG = 0.05  # of what was learned
NEGLIGIBLE = 1e-3  # standard deviations of the output
Statistics = tuple[Tensor, Tensor]


def check_independence(subject: Subject) -> Iterator[Finding]:
    """In evaluation mode the output of a row depends on no other row."""
    rows = subject.rows(subject.train[0])
    if rows < 2:
        raise Skip("needs at least 2 rows in a batch")
    # Fewer rows than the batch has: a dimension that is not cut is not that of rows.
    batch = subject.head(min(16, rows // 2) if rows > 3 else rows)
    moved = _influence(subject, batch, 0)
    if moved > NEGLIGIBLE:
        if subject.target(batch).dim() > 1 and _influence(subject, batch, 1) <= NEGLIGIBLE:
            raise Skip("rows seem to be the second dimension")
        by_design = any(_uses_batch_statistics(m) for m in subject.model.modules())
        yield Finding(
            "independence",
            "note" if by_design else "error",
            "the output of a row changes when another row of the batch does",
            {"change_in_standard_deviations": moved},
            advice="look for reshape where transpose was meant, dim=0, and batch_first",
        )


def _influence(subject: Subject, batch: Batch, dim: int) -> float:
    """How far other outputs move when slice 0 of the inputs along dim becomes another one."""
    before, again = subject.output(batch), subject.output(batch)
    scale = float(before.std()) or 1.0
    if float((before - again).abs().max()) > NEGLIGIBLE * scale:
        raise Skip("outputs are random in evaluation mode")
    size = subject.rows(batch) if dim == 0 else None
    inputs = subject.inputs(batch)

    def change(path: Path, x: Tensor) -> Tensor:
        if path not in inputs or x.dim() <= dim:
            return x
        slices = x.movedim(dim, 0)
        other = next((s for s in slices[1:] if not torch.equal(s, slices[0])), slices[0])
        return torch.cat([other[None], slices[1:]]).movedim(0, dim)

    after = subject.output(map_tensors(batch, change))
    if before.dim() <= dim or (size is not None and len(before) != size):
        if dim == 1:
            return 1.0
        raise Skip("rows are not the first dimension of the output")
    rest = (after - before).narrow(dim, 1, before.shape[dim] - 1)
    return float(rest.abs().max()) / scale if rest.numel() else 0.0


def _uses_batch_statistics(module: nn.Module) -> bool:
    norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    return norm and not has_running_stats(module)


def check_train_eval(subject: Subject) -> Iterator[Finding]:
    """Evaluation mode gives one answer, and a good one; training is done in training mode."""
    first, second = subject.output(subject.train[0]), subject.output(subject.train[0])
    if not torch.allclose(first, second, rtol=1e-3, atol=1e-4 * float(first.std())):
        yield Finding(
            "train_eval",
            "warning",
            "two passes in evaluation mode give different outputs",
            {"largest_difference": float((first - second).abs().max())},
            advice="give F.dropout training=self.training; average over passes if this is meant",
        )
    done = run(subject)
    layers = [m for m in subject.model.modules() if dropout_rate(m) or has_running_stats(m)]
    if done.seen.in_eval and layers:
        yield Finding(
            "train_eval",
            "warning",
            f"the model was in evaluation mode in {done.seen.in_eval} forward passes for a gradient",
            {"passes": float(done.seen.in_eval), "steps": float(len(done.losses))},
            advice="call model.train() before the steps of each epoch",
        )
    elif not done.error and any(has_running_stats(m) for m in layers):
        yield from _running_statistics(subject)


def _running_statistics(subject: Subject) -> Iterator[Finding]:
    """The running statistics that 300 more updates would give, against exact averages."""
    norms = [m for m in subject.model.modules() if _averages(m)]
    with trained(subject):
        old = [(m.running_mean.clone(), m.running_var.clone()) for m in norms]
        exact = _exact_statistics(subject, norms)
        best = _with_statistics(subject, norms, exact)
        mixed = []
        for m, before, after in zip(norms, old, exact, strict=True):
            left = (1 - float(m.momentum)) ** UPDATES
            pairs = zip(before, after, strict=True)
            mixed.append(tuple(left * a + (1 - left) * b for a, b in pairs))
        own = _with_statistics(subject, norms, mixed)
    room = best_constant(subject) - float(best.mean())
    if lower(best, own) and float((own - best).mean()) > LAG * room > 0:
        yield Finding(
            "train_eval",
            "warning",
            f"running statistics lag behind: in evaluation mode train rows cost {float(own.mean()):.3g}, "
            f"with exact averages {float(best.mean()):.3g}",
            {"own": float(own.mean()), "exact": float(best.mean()), "updates": float(UPDATES)},
            advice="look at momentum of batch norm: PyTorch's is the weight of the new batch, 0.1",
        )


def _averages(module: nn.Module) -> bool:
    """Whether a module keeps an exponential average that can be asked for the exact one."""
    momentum = getattr(module, "momentum", None)
    return has_running_stats(module) and isinstance(momentum, int | float)


def _exact_statistics(subject: Subject, norms: list[nn.Module]) -> list[Statistics]:
    """Averages of the batch statistics over one pass through the train batches."""
    totals = [(torch.zeros_like(m.running_mean), torch.zeros_like(m.running_var)) for m in norms]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 1.0  # running statistics are those of the last batch
    subject.model.train()
    with torch.no_grad():
        for batch in subject.train:
            subject.forward(batch)
            for m, (mean, var) in zip(norms, totals, strict=True):
                mean += m.running_mean / len(subject.train)
                var += m.running_var / len(subject.train)
    for m, momentum in zip(norms, kept, strict=True):
        m.momentum = momentum
    return totals


@torch.no_grad()
def _with_statistics(
    subject: Subject, norms: list[nn.Module], statistics: list[Statistics]
) -> Tensor:
    for m, (mean, var) in zip(norms, statistics, strict=True):
        m.running_mean.copy_(mean)
        m.running_var.copy_(var)
    subject.model.eval()
    return subject.losses(subject.train)
