"""The largest difference of `course_utils.optim` from `torch.optim`, over all cases of the tests.

A case is an optimizer with one combination of its arguments: 100 steps in float64 of two groups
with a change of learning rate, missing gradients, complex numbers, and states exchanged half way.
Exits with 1 if a parameter or any number of a state differs by more than 1e-12.
Run: python benchmarks/optim_parity.py
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    import optim_cases as cases

    total, worst = 0, 0.0
    print("optimizer  PyTorch's implementation     combinations  largest difference")
    for name in cases.NAMES:
        for run in cases.runs(name):
            count, difference, _ = cases.parity(name, run)
            total, worst = total + count, max(worst, difference)
            print(f"{name:10s} {run!s:27s} {count:12d}  {difference:18.1e}", flush=True)
    print(f"{total} combinations, largest difference {worst:.1e}; {cases.TOLERANCE} allowed")
    return 0 if worst <= cases.TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
