"""The autograder of an assignment as Gradescope takes it: a zip with all it needs and no more."""

from __future__ import annotations

import ast
import os
import re
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from grading.package import Package

HERE = Path(__file__).parent
ROOT = HERE.parent
RUNS = ("grading.gradescope_run", "grading.worker")
"""Modules of the grader that start a process; all that they import comes with them."""
SCRIPTS = ("run_autograder", "setup.sh")
INDEX = "PIP_EXTRA_INDEX_URL"


def pack(package: Package, folder: Path) -> Path:
    """Write `autograder/` and `NAME_autograder.zip` into a folder, and return the zip's path.

    The zip is the same, byte for byte, for the same package and the same code. The index that
    `PIP_EXTRA_INDEX_URL` names, for PyTorch's builds without CUDA, is written into it.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".autograder") as temporary:
        new = Path(temporary, "autograder")
        new.mkdir()
        _fill(package, new)
        target = folder / "autograder"
        if target.exists():
            shutil.rmtree(target)
        new.rename(target)
    archive = folder / f"{package.name}_autograder.zip"
    _zip(target, archive)
    return archive


def _fill(package: Package, folder: Path) -> None:
    package.save(folder)
    for script in SCRIPTS:
        shutil.copy(HERE / "gradescope" / script, folder / script)
        (folder / script).chmod(0o755)
    for path in _modules(package):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copytree(
        ROOT / "course_utils", folder / "course_utils", ignore=shutil.ignore_patterns("__pycache__")
    )
    lock = _lock()
    pins = "".join(f"{name}=={version}\n" for name, version in lock.items())
    (folder / "constraints.txt").write_text(pins)
    (folder / "requirements.txt").write_text(_requirements(lock))


def _requirements(lock: dict[str, str]) -> str:
    """What `course_utils` asks for, in the versions of the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    names = [_normal(re.split(r"[^\w.-]", line)[0]) for line in project["dependencies"]]
    lines = [f"{name}=={lock[name]}" for name in names]
    indexes = [url for url in os.environ.get(INDEX, "").split() if url.startswith("http")]
    if any("@" in urlsplit(index).netloc for index in indexes):
        raise ValueError(f"{INDEX} holds a password, and the zip would carry it to Gradescope")
    return "\n".join([*(f"--extra-index-url {index}" for index in indexes), *lines]) + "\n"


def _lock() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line and not line.startswith("#")]
    return {_normal(name): version for name, version in pins}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(package: Package) -> set[Path]:
    """Files of `grading` that run there: those that start, all they import, and so on."""
    waiting = [*RUNS]
    for question in package.questions:
        waiting += _imports(question.hidden)
    found: set[Path] = set()
    while waiting:
        for path in _files(waiting.pop()) - found:
            found.add(path)
            waiting += _imports(path.read_text(encoding="utf8"))
    return found


def _files(module: str) -> set[Path]:
    """The file of a module, and those of the packages around it; none for what is no module."""
    parts = module.split(".")
    packages = [Path(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    paths = [ROOT / path for path in [*packages, Path(*parts).with_suffix(".py")]]
    return {path for path in paths if path.is_file()}


def _imports(source: str) -> Iterator[str]:
    """What a module imports of `grading`, with names that may be modules or not."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == "grading")


def _zip(folder: Path, archive: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=archive.parent, prefix=".part")
    os.close(descriptor)
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(folder)))  # the time is that of 1980
            info.compress_type = zipfile.ZIP_DEFLATED
            executable = path.name in SCRIPTS
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            file.writestr(info, path.read_bytes())
    os.replace(name, archive)
