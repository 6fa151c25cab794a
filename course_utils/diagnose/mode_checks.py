"""Do rows stay apart, and do training and evaluation agree?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course_utils.diagnose.batches import Batch, Path, map_tensors
from course_utils.diagnose.first_layer import dropout_places
from course_utils.diagnose.layers import dropout_rate, has_running_stats
from course_utils.diagnose.report import Finding
from course_utils.diagnose.running_statistics import running_statistics
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import run, train_losses, trained

NEGLIGIBLE = 1e-3  # standard deviations of the output


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
    if not torch.isfinite(first + second).all():
        raise Skip("outputs are not finite")
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
            f"the model was in evaluation mode in {done.seen.in_eval} passes for a gradient",
            {"passes": float(done.seen.in_eval), "steps": float(len(done.losses))},
            advice="call model.train() before the steps of each epoch",
        )
    elif not done.error:
        yield from running_statistics(subject)
        yield from _noise(subject, layers)


def _noise(subject: Subject, layers: list[nn.Module]) -> Iterator[Finding]:
    """Notes on dropout: where it acts, and what its noise costs."""
    if not any(dropout_rate(layer) for layer in layers):
        return
    before, after = dropout_places(subject)
    if before and not after:
        yield Finding(
            "train_eval",
            "note",
            f"dropout ({before[0]}) acts on the inputs, and on no hidden unit",
            {"layers": before},
            advice="print the model: a second layer of the same name replaces the first one",
        )
    with trained(subject):
        training = float(train_losses(subject).mean())
        subject.model.eval()
        evaluation = float(subject.losses(subject.train).mean())
    if training - evaluation > max(0.1, 0.1 * abs(evaluation)):
        yield Finding(
            "train_eval",
            "note",
            f"after the short run the same rows cost {training:.3g} in training mode and "
            f"{evaluation:.3g} in evaluation mode: the noise of dropout",
            {"training": training, "evaluation": evaluation},
            advice="compare train and val losses both in evaluation mode",
        )
