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
from course_utils.diagnose.subject import Subject


@dataclass(frozen=True)
class Check:
    """A check by name: a generator of findings, and the rule it follows, with its source.

    `of_data`: it looks at batches alone, so it runs although the script raises.
    """

    name: str
    function: Callable[[Subject], Iterator[Finding]]
    heuristic: str
    of_data: bool = False


CHECKS: tuple[Check, ...] = (
    Check("inputs", check_inputs, "Become one with the data (Karpathy 2019).", of_data=True),
    Check("labels", check_labels, "Become one with the data (Karpathy 2019).", of_data=True),
    Check("splits", check_splits, "Splits are draws from one population.", of_data=True),
    Check("shuffled_input", check_shuffled_input, "Labels agree with inputs.", of_data=True),
    Check("initial_loss", check_initial_loss, "Verify the loss at the start (Karpathy 2019)."),
    Check("loss", check_loss, "A right answer costs less than a wrong one."),
    Check("softmax_before_loss", check_softmax_before_loss, "PyTorch's losses want logits."),
    Check("parameters", check_parameters, "What asks for a gradient is to be trained."),
    Check("activations", check_activations, "Watch activations (Glorot and Bengio 2010)."),
    Check("independence", check_independence, "Chart dependencies between rows (Karpathy 2019)."),
    Check("zero_input", check_zero_input, "An input-independent baseline (Karpathy 2019)."),
    Check("gradients", check_gradients, "Watch gradients by layer (Glorot and Bengio 2010)."),
    Check("updates", check_updates, "Each update goes downhill."),
    Check("zero_grad", check_zero_grad, "PyTorch adds gradients up until they are cleared."),
    Check("train_eval", check_train_eval, "Dropout and batch norm differ between modes."),
    Check("one_batch", check_one_batch, "Overfit one batch (Karpathy 2019)."),
    Check("baselines", check_baselines, "Training beats no training (lecture S0)."),
    Check("learning_rate", check_learning_rate, "There is no good rate in general (lecture S0)."),
    Check("reproducibility", check_reproducibility, "Fix the random seed (lecture S0)."),
)
