"""A Python that has, of all that the lock installs, only what Colab has, too.

Notebooks are tested in it: an import that fails in Colab fails here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PREINSTALLED = ("torch", "numpy", "matplotlib", "scikit-learn", "scipy", "nltk", "plotly")
MACHINERY = ("ipykernel", "nbclient", "pip", "setuptools", "wheel")
INSTALL = re.compile(r"^ *%pip install -q ([\w -]+)$", re.M)
# Nothing beside the notebook is there in Colab: its kernel starts in an empty folder.
LAUNCH = "import os, runpy; os.chdir({!r}); runpy.run_module('ipykernel', run_name='__main__')"


def make_environment(
    folder: Path, packages: Iterable[str] = (), links: Iterable[Path] = ()
) -> Path:
    """Make the environment in an empty folder and return its Python.

    It links to the versions that are installed here. They lie outside of it: pip never removes
    what is not in its environment.

    packages: more of the lock, with all that they require. links: folders to import from.
    """
    preinstalled = folder / "preinstalled"
    preinstalled.mkdir(parents=True)
    for part in _closure([*PREINSTALLED, *MACHINERY, *packages]).values():
        for name in {file.parts[0] for file in part.files or ()} - {"..", "__pycache__"}:
            if not (preinstalled / name).is_symlink():  # several share a namespace
                (preinstalled / name).symlink_to(str(part.locate_file(name)))
    for link in links:
        (preinstalled / link.name).symlink_to(link)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    purelib = sysconfig.get_path("purelib", "venv", {"base": str(folder / "venv")})
    Path(purelib, "preinstalled.pth").write_text(f"{preinstalled}\n", encoding="utf8")
    return folder / "venv" / "bin" / "python"


def make_kernel(folder: Path, packages: Iterable[str] = (), links: Iterable[Path] = ()) -> Path:
    """Make an environment and a kernel `python3` of it; returns a folder for JUPYTER_PATH."""
    python = make_environment(folder, packages, links)
    empty = folder / "content"
    empty.mkdir()
    command = [str(python), "-c", LAUNCH.format(str(empty)), "-f", "{connection_file}"]
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    description = {"argv": command, "display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps(description), encoding="utf8")
    return folder


def installs(notebook: NotebookNode) -> list[str]:
    """Packages that a notebook's own set-up cells install where they are missing."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return " ".join(INSTALL.findall(code)).split()


def _closure(names: Iterable[str]) -> dict[str, Distribution]:
    """The installed distributions of these names, and all that they require."""
    found: dict[str, Distribution] = {}
    waiting = [*names]
    while waiting:
        if (name := canonicalize_name(waiting.pop())) in found:
            continue
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found
