"""The table of checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_utils.diagnose.activation_checks import check_activations
from course_utils.diagnose.baseline_checks import (
    check_baselines,
    check_shuffled_input,
    check_zero_input,
)
from course_utils.diagnose.gradient_checks import check_gradients, check_updates
from course_utils.diagnose.input_checks import check_inputs
from course_utils.diagnose.label_checks import check_labels
from course_utils.diagnose.loop_checks import check_reproducibility, check_zero_grad
from course_utils.diagnose.loss_checks import check_initial_loss, check_loss
from course_utils.diagnose.mode_checks import check_independence, check_train_eval
from course_utils.diagnose.one_batch import check_one_batch
from course_utils.diagnose.output_checks import check_softmax_before_loss
from course_utils.diagnose.parameter_checks import check_parameters
from course_utils.diagnose.rate_checks import check_learning_rate
from course_utils.diagnose.report import Finding
from course_utils.diagnose.split_checks import check_splits


@dataclass(frozen=True)
class Check:
    """A check: its name, the function that yields its findings, and its rule, with the source.

    `of_data`: it looks at batches alone, so it runs although the script raises.
    """

    name: str
    function: Callable[..., Iterator[Finding]]
    heuristic: str
    of_data: bool = False


KARPATHY = "(Karpathy, A Recipe for Training Neural Networks, 2019)."
LECTURE = "(the lecture's checklist)."
GLOROT = "(Glorot and Bengio 2010)."

CHECKS: tuple[Check, ...] = (
    Check(
        "inputs",
        check_inputs,
        f"Inputs are normalized, and somebody has looked at them {LECTURE}",
        of_data=True,
    ),
    Check(
        "labels",
        check_labels,
        f"Labels are right, after batches are made, too {LECTURE}",
        of_data=True,
    ),
    Check(
        "splits",
        check_splits,
        "Train, val and test are drawn from one population, and share no row.",
        of_data=True,
    ),
    Check(
        "shuffled_input",
        check_shuffled_input,
        "Labels that fit their inputs are easier to predict than shuffled ones.",
        of_data=True,
    ),
    Check("initial_loss", check_initial_loss, f"The loss starts near log C {LECTURE}"),
    Check("loss", check_loss, "A right answer costs less than a wrong one."),
    Check(
        "softmax_before_loss",
        check_softmax_before_loss,
        "cross_entropy and binary_cross_entropy_with_logits want logits (PyTorch).",
    ),
    Check("parameters", check_parameters, "What asks for a gradient gets one, and is trained."),
    Check("activations", check_activations, f"Units are neither dead nor saturated {GLOROT}"),
    Check("independence", check_independence, f"A row's output depends on that row {KARPATHY}"),
    Check("zero_input", check_zero_input, f"A network beats one that is fed zeros {LECTURE}"),
    Check("gradients", check_gradients, f"Gradients have similar sizes in all layers {GLOROT}"),
    Check("updates", check_updates, "Each update goes downhill on its own gradient."),
    Check("zero_grad", check_zero_grad, "PyTorch adds gradients up until they are cleared."),
    Check("train_eval", check_train_eval, "Dropout and batch norm have two modes (PyTorch)."),
    Check("one_batch", check_one_batch, f"A few rows can be learned by heart {LECTURE}"),
    Check("baselines", check_baselines, f"A trained network beats an untrained one {LECTURE}"),
    Check("learning_rate", check_learning_rate, f"A rate fits one task, or does not {LECTURE}"),
    Check("reproducibility", check_reproducibility, f"The seed is fixed everywhere {LECTURE}"),
)
