"""Images and clusters: what lies in grading/deploy fits its schema, and does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from graded_package import HALF_RIGHT, RIGHT, FakeRun, notebook, package

from grading import batch, report
from grading.submissions import collect

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "grading" / "deploy"
SCRIPTS = [*(ROOT / "grading" / "gradescope").iterdir(), DEPLOY / "slurm.sh", ROOT / ".ci" / "run"]
BIN = Path(sys.executable).parent


def documents() -> dict[str, dict]:
    text = (DEPLOY / "kubernetes.yaml").read_text()
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def run(command: list[str], **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_are_sound(path):
    assert run([BIN / "shellcheck", path]) == ""
    assert os.access(path, os.X_OK)


def test_yaml_is_tidy_and_fits_the_schema_of_kubernetes():
    rules = "{extends: default, rules: {line-length: {max: 100}}}"
    assert run([BIN / "yamllint", "-d", rules, DEPLOY / "kubernetes.yaml"]) == ""
    for document in documents().values():
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_a_pod_has_no_network_no_token_and_limits():
    policy = documents()["NetworkPolicy"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    pod = documents()["Job"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    (container,) = pod["containers"]
    assert container["resources"]["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"]["drop"] == ["ALL"]
    assert "SYS_ADMIN" not in security["capabilities"]["add"]


def test_what_a_pod_mounts_is_hidden_from_notebooks_and_results_are_its_own():
    pod = documents()["Job"]["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    image = (DEPLOY / "Containerfile").read_text()
    assert "RUN chmod 700 /course" in image
    outside = [m["mountPath"] for m in mounts.values() if not m["mountPath"].startswith("/course/")]
    assert outside == ["/tmp"]
    assert mounts["grades"]["subPathExpr"] == "shard-$(JOB_COMPLETION_INDEX)"
    assert mounts["submissions"]["readOnly"]


def test_completions_are_shards():
    job = documents()["Job"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert environment["SHARDS"] == str(job["completions"]) == str(job["parallelism"])


class Class:
    """Submissions, and the grades that one process without a sandbox gives them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "assignment").mkdir()
        self.package = package(seconds=100.0, cell_seconds=50.0, call_seconds=50.0)
        self.package.save(root / "assignment")
        (root / "submissions").mkdir()
        # One for each of three shards, and some for each of two.
        for student, answers in {"a": RIGHT, "b": HALF_RIGHT, "l": {}}.items():
            (root / "submissions" / f"{student}.ipynb").write_bytes(notebook(answers))
        found = collect(root / "submissions", self._folder("copies"))
        batch.grade(
            self.package, found.submissions, root / "one", 1, None, lambda _: None, run=FakeRun()
        )
        report.write(self.package, found, root / "one")
        self.expected = (root / "one" / "grades.csv").read_text()
        assert self.expected.count("\n") == 4

    def _folder(self, name: str) -> Path:
        (self.root / name).mkdir()
        return self.root / name


def start(command: list[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    keep = {name: value for name, value in os.environ.items() if "SLURM" not in name}
    keep["PATH"] = f"{BIN}:{keep['PATH']}"
    return subprocess.Popen(
        command,
        cwd=folder,
        env=keep | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_three_jobs_of_slurm_at_once_write_what_one_does(tmp_path):
    graded = Class(tmp_path)
    script = [str(DEPLOY / "slurm.sh"), str(tmp_path / "assignment"), str(tmp_path / "submissions")]
    script += ["--out", str(tmp_path / "out"), "--no-sandbox-i-trust-every-notebook"]
    counts = {"SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1"}
    jobs = [
        start(script, ROOT, PYTHON=sys.executable, SLURM_ARRAY_TASK_ID=str(index), **counts)
        for index in (1, 2, 3)
    ]
    said = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], said
    assert (tmp_path / "out" / "grades.csv").read_text() == graded.expected
    assert sum(text.count(" points") for text in said) == 3


def image(folder: Path) -> Path:
    """The folder /course of the image, as the Containerfile fills it."""
    for line in (DEPLOY / "Containerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = shlex.split(line)[1:]
            for source in sources:
                if (ROOT / source).is_dir():
                    unused = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, folder / target, ignore=unused)
                else:
                    shutil.copy(ROOT / source, folder / target)
    folder.chmod(0o700)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a notebook as another user")
def test_pods_grade_their_parts_and_the_parts_come_together(tmp_path):
    graded = Class(tmp_path)
    (container,) = documents()["Job"]["spec"]["template"]["spec"]["containers"]
    capabilities = ",".join(
        f"+{name.lower()}" for name in container["securityContext"]["capabilities"]["add"]
    )
    command = [
        "setpriv",
        "--no-new-privs",
        "--inh-caps=-all",
        f"--bounding-set=-all,{capabilities}",
    ]
    command += [*container["command"], *container["args"]]
    assert container["workingDir"] == "/course"
    pods = []
    for index in range(2):
        course = tmp_path / f"pod{index}"
        course.mkdir()
        image(course)
        shutil.copytree(tmp_path / "assignment", course / "assignment")
        (course / "submissions").mkdir()
        shutil.make_archive(
            str(course / "submissions" / "submissions"), "zip", tmp_path / "submissions"
        )
        pods.append(start(command, course, JOB_COMPLETION_INDEX=str(index), SHARDS="2"))
    said = [pod.communicate()[0] for pod in pods]
    assert [pod.returncode for pod in pods] == [0, 0], said
    verdicts = tmp_path / "out" / "verdicts"
    verdicts.mkdir(parents=True)
    for index in range(2):
        parts = list((tmp_path / f"pod{index}" / "grades" / "verdicts").iterdir())
        assert 0 < len(parts) < 3
        for part in parts:
            shutil.copy(part, verdicts)
    found = collect(tmp_path / "submissions", graded._folder("again"))
    run_none = FakeRun()
    batch.grade(
        graded.package, found.submissions, tmp_path / "out", 1, None, lambda _: None, run=run_none
    )
    report.write(graded.package, found, tmp_path / "out")
    assert run_none.count == 0
    assert (tmp_path / "out" / "grades.csv").read_text() == graded.expected


def test_the_image_has_what_the_grader_imports():
    text = (DEPLOY / "Containerfile").read_text()
    sources = {word for line in re.findall(r"^COPY (.*) \S+$", text, re.M) for word in line.split()}
    assert {"course_utils", "grading", "requirements.txt", "pyproject.toml"} <= sources
    assert all((ROOT / source).exists() for source in sources)
    # pip would otherwise take the newest of everything.
    assert "--constraint requirements.txt" in text
