"""Stop training when the validation loss no longer falls, and go back to the best weights."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal

from torch import Tensor, nn


class EarlyStopping:
    """Say when to stop: after ``patience`` evaluations in a row that brought nothing better.

    An evaluation is better when it is below the best one so far by *more* than ``min_delta``, an
    absolute amount; with ``mode="max"``, for accuracies, above it. A tie is not better, and NaN
    never is. Stops where `ReduceLROnPlateau(patience=patience - 1, threshold=min_delta,
    threshold_mode="abs")` would first lower the rate.

    With ``restore_best`` the model gets its parameters and buffers of the best evaluation back when
    training is stopped; `restore` does the same for a loop that ends by itself. The state of the
    optimizer is left alone.

    Raises ValueError for a patience below 1, a negative or infinite min_delta, another mode.
    The rule is Keras's; Prechelt 1998, "Early stopping - but when?", compares others.

    >>> stopper = EarlyStopping(patience=2, restore_best=False)
    >>> [stopper.step(loss) for loss in (1.0, 0.7, 0.8, 0.6, 0.6, 0.9)]
    [False, False, False, False, False, True]
    >>> stopper.best, stopper.best_step
    (0.6, 3)
    """

    def __init__(
        self,
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        if not 0 <= min_delta < math.inf:
            raise ValueError(f"min_delta must be non-negative and finite, got {min_delta}")
        if mode not in ("min", "max"):
            raise ValueError(f'mode must be "min" or "max", got {mode!r}')
        self.patience, self.min_delta = patience, min_delta
        self.restore_best, self.mode = restore_best, mode
        self.best = math.inf if mode == "min" else -math.inf
        self.best_step = -1  # none yet
        self.steps = 0
        self._state: dict[str, Any] = {}  # tensors, and what modules add by get_extra_state

    def step(self, value: float | Tensor, model: nn.Module | None = None) -> bool:
        """Take the ``value`` of the next evaluation and return whether to stop now.

        ``value``: a number or a tensor of one element. ``model``: must be given with restore_best,
        and is then brought back to its best evaluation when the answer is True.
        Raises ValueError for restore_best without a model.
        """
        if self.restore_best and model is None:
            raise ValueError("model must be given when restore_best is True, got None")
        if self._is_better(float(value)):
            self.best, self.best_step = float(value), self.steps
            if self.restore_best and model is not None:
                # The values of a state_dict are the parameters themselves: they would train on.
                self._state = copy.deepcopy(model.state_dict())
        self.steps += 1
        stop = self.steps - 1 - self.best_step >= self.patience
        if stop and self.restore_best and self._state and model is not None:
            self.restore(model)
        return stop

    def restore(self, model: nn.Module) -> None:
        """Give the model the parameters and buffers of the best evaluation.

        Raises RuntimeError if there is none: restore_best is False, or no evaluation was a number.
        """
        if not self._state:
            raise RuntimeError("there is no best evaluation to restore")
        model.load_state_dict(self._state)

    def _is_better(self, value: float) -> bool:
        if self.mode == "min":
            return value < self.best - self.min_delta
        return value > self.best + self.min_delta
