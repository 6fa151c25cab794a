"""Do rows stay apart, and do training and evaluation agree?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from course_utils.diagnose.batches import Batch, map_tensors
from course_utils.diagnose.constant import constant_losses
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject, has_running_stats
from course_utils.diagnose.training import main_run, paired_p, train_losses, trained


def check_independence(subject: Subject) -> Iterator[Finding]:
    """In evaluation mode the output of a row depends on no other row."""
    batch = subject.head(16)
    rows = subject.rows(batch)
    if rows < 2:
        raise Skip("needs at least 2 rows in a batch")
    before = subject.output(batch)
    if before.shape[0] != rows:
        raise Skip("rows are not the first dimension of the output")
    subject.seeded()
    again = subject.output(batch)
    if not torch.equal(before, again):
        raise Skip("outputs are random in evaluation mode")
    # Row 0 becomes row 1; a permutation of equal rows would show nothing.
    changed = _replaced(subject, batch)
    after = subject.output(changed)
    scale = float(before.std()) or 1.0
    moved = float((after[1:] - before[1:]).abs().max()) / scale
    if moved > 1e-3:
        by_design = any(_uses_batch_statistics(m) for m in subject.model.modules())
        yield Finding(
            "independence",
            "note" if by_design else "error",
            "the output of a row changes when another row of the batch does",
            {"change_in_standard_deviations": moved},
            advice="look for reshape where transpose was meant, dim=0, and batch_first",
        )


def _replaced(subject: Subject, batch: Batch) -> Batch:
    inputs = subject.inputs(batch)

    def change(path: tuple[object, ...], tensor: Tensor) -> Tensor:
        if path not in inputs:
            return tensor
        other = next((row for row in tensor[1:] if not torch.equal(row, tensor[0])), tensor[0])
        return torch.cat([other[None], tensor[1:]])

    return map_tensors(batch, change)


def _uses_batch_statistics(module: nn.Module) -> bool:
    norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    return norm and not has_running_stats(module)


def check_train_eval(subject: Subject) -> Iterator[Finding]:
    """Evaluation mode gives one answer, near that of training mode, and training uses the other."""
    batch = subject.train[0]
    subject.seeded()
    first, second = subject.output(batch), subject.output(batch)
    if not torch.equal(first, second) and float((first - second).abs().max()) > 1e-4 * float(
        first.std()
    ):
        yield Finding(
            "train_eval",
            "warning",
            "two passes in evaluation mode give different outputs",
            {"largest_difference": float((first - second).abs().max())},
            advice="give F.dropout training=self.training; average over passes if this is meant",
        )
    seen = main_run(subject)
    if seen.in_eval and _has_modes(subject.model):
        yield Finding(
            "train_eval",
            "warning",
            f"the model was in evaluation mode in {seen.in_eval} of {len(seen.losses)} steps",
            {"steps": float(seen.in_eval)},
            advice="call model.train() before the steps of each epoch",
        )
    elif not seen.error and any(has_running_stats(m) for m in subject.model.modules()):
        yield from _running_statistics(subject)


def _has_modes(model: nn.Module) -> bool:
    dropout = nn.modules.dropout._DropoutNd
    return any(has_running_stats(m) or isinstance(m, dropout) for m in model.modules())


def _running_statistics(subject: Subject) -> Iterator[Finding]:
    """After more passes without training, running statistics must do as well as the batch's."""
    with trained(subject), torch.no_grad():
        subject.model.train()
        for _ in range(max(1, 50 // len(subject.train))):
            for batch in subject.train:
                subject.forward(batch)
        training = train_losses(subject)
        subject.model.eval()
        evaluation = subject.losses(subject.train)
    constant = constant_losses(subject)
    room = constant.mean() - training.mean()
    lost = evaluation.mean() - training.mean()
    if (
        paired_p(constant - training) < 0.01
        and lost > 0.5 * room
        and paired_p(evaluation - training) < 0.01
    ):
        yield Finding(
            "train_eval",
            "warning",
            f"after a short training the same rows cost {float(training.mean()):.3g} in training "
            f"mode and {float(evaluation.mean()):.3g} in evaluation mode",
            {"training": float(training.mean()), "evaluation": float(evaluation.mean())},
            advice="look at momentum and running statistics of batch norm, and at tiny batches",
        )
