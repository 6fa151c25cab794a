"""diagnose: its arguments, its report, and that it leaves everything bit for bit as it was."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diagnose_cases import alarms, batches, blobs, found, loader, script, subject
from snapshot import assert_same, everything
from torch import Tensor, nn

from course_utils.diagnose import CHECKS, Check, Finding, Report, diagnose
from course_utils.diagnose.held import untouched
from course_utils.diagnose.running import run_checks
from course_utils.diagnose.subject import Subject
from course_utils.models import mlp

NAMES = [check.name for check in CHECKS]


def noisy(logits: Tensor, targets: Tensor) -> Tensor:
    """Draws from every generator, as an augmentation may do."""
    noise = random.random() + np.random.rand() + float(torch.rand(()))
    return F.cross_entropy(logits, targets) + 1e-9 * noise


def prepared() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network in mixed modes, with a frozen bias, gradients, and Adam that has seen a step."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.6), nn.Linear(16, 3)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    x, y = blobs()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    model[4].bias.requires_grad_(False)
    model.eval()
    model[3].train()
    return model, optimizer


@pytest.mark.parametrize("own_step", [False, True])
def test_everything_is_as_before(own_step: bool) -> None:
    model, optimizer = prepared()
    generator = torch.Generator().manual_seed(3)
    train = loader(generator=generator)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    history: list[float] = []
    count = 0

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        nonlocal count
        count += 1
        model.train()
        optimizer.zero_grad()
        loss = noisy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        schedule.step()
        history.append(loss.item())
        return loss

    before = everything(model, optimizer)
    states = generator.get_state(), schedule.state_dict()
    report = diagnose(
        model,
        noisy,
        train,
        optimizer=optimizer,
        val_batches=train,
        step=step if own_step else None,
        build=prepared,
    )
    assert {*report.passed, *(f.check for f in report.findings)} | set(report.skipped) == set(NAMES)
    assert_same(before, everything(model, optimizer))
    assert torch.equal(states[0], generator.get_state())
    assert (states[1], history, count) == (schedule.state_dict(), [], 0)


@pytest.mark.parametrize("call", [1, 5, 40, 150])
def test_everything_is_as_before_when_the_model_raises(call: int) -> None:
    model, optimizer = prepared()
    calls = []

    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = model

        def forward(self, x: Tensor) -> Tensor:
            calls.append(1)
            if len(calls) >= call:
                raise RuntimeError("no more")
            return self.body(x)

    failing = Failing()
    before = everything(failing, optimizer)
    report = diagnose(failing, noisy, loader(), optimizer=optimizer)
    assert len(calls) >= call
    assert_same(before, everything(failing, optimizer))
    assert "no more" in str(report)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_everything_is_as_before_when_it_is_interrupted(error: type[BaseException]) -> None:
    model, optimizer = prepared()
    before = everything(model, optimizer)
    calls = []

    def interrupted(logits: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 60:
            raise error
        return F.cross_entropy(logits, targets)

    with pytest.raises(error):
        diagnose(model, interrupted, loader(), optimizer=optimizer)
    assert_same(before, everything(model, optimizer))


def test_training_goes_on_as_if_nothing_had_been() -> None:
    ends = []
    for look in (False, True):
        model, optimizer = prepared()
        train = loader()
        torch.manual_seed(5)
        if look:
            diagnose(model, F.cross_entropy, train, optimizer=optimizer)
        model.train()
        for x, y in train:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        ends.append([p.detach().clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_two_calls_find_the_same() -> None:
    model, optimizer = prepared()
    train = batches(*blobs())
    reports = []
    for state in (1, 2):
        torch.manual_seed(state)
        reports.append(diagnose(model, F.cross_entropy, train, optimizer=optimizer).to_dict())
    assert reports[0] == reports[1]


def test_untouched_brings_back_what_functions_hold() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.count, self.log, self.layer = 0, [1], nn.Linear(1, 1)

        def step(self) -> None:
            self.count += 1
            self.log.append(2)
            nn.init.zeros_(self.layer.weight)
            random_numbers.random()
            generator.random()

    random_numbers, generator = random.Random(1), np.random.default_rng(1)
    trainer = Trainer()
    weight = trainer.layer.weight.clone()
    states = random_numbers.getstate(), generator.bit_generator.state
    with untouched(trainer.step):
        trainer.step()
        assert trainer.count == 1
    assert (trainer.count, trainer.log) == (0, [1])
    assert torch.equal(trainer.layer.weight, weight)
    with untouched(lambda: (random_numbers, generator)):
        random_numbers.random()
        generator.random()
    assert states == (random_numbers.getstate(), generator.bit_generator.state)


def test_a_check_finds_all_as_it_was_before_the_one_that_failed() -> None:
    def spoil(subject: Subject) -> Iterator[Finding]:
        nn.init.zeros_(subject.model[0].weight)
        subject.model.register_buffer("left", torch.ones(1))
        subject.train = ()
        yield Finding("spoil", "note", "seen before")
        raise RuntimeError("no more")

    def look(subject: Subject) -> Iterator[Finding]:
        assert len(subject.train) == 8
        if not subject.model[0].weight.any() or "left" in dict(subject.model.named_buffers()):
            yield Finding("look", "error", "spoiled")

    report = run_checks(subject(), [Check("spoil", spoil, "!"), Check("look", look, "?")], None)
    assert [f.message for f in report.findings] == [
        "seen before",
        "the check ended with RuntimeError: no more",
    ]
    assert report.passed == ["look"]


def test_a_healthy_script_is_ok() -> None:
    report = diagnose(**script(build=built))
    assert report.ok
    assert found(report) == set()
    assert list(report.skipped) == ["zero_grad"]
    assert report.skipped["zero_grad"] == "needs step and optimizer"


def built() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = mlp(6, 16, 3)
    return model, torch.optim.Adam(model.parameters())


def test_only_and_skip_choose_checks() -> None:
    assert diagnose(**script(only=["labels", "inputs"])).passed == ["inputs", "labels"]
    report = diagnose(**script(skip=["labels"], only=("labels", "loss")))
    assert report.passed == ["loss"]
    seen: list[str] = []
    diagnose(**script(only=["labels", "inputs"], progress=seen.append))
    assert seen == ["inputs", "labels"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": len}, TypeError, "model must be a torch.nn.Module, got builtin_function"),
        ({"loss_fn": 1}, TypeError, "loss_fn must be callable, got int"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be a torch.optim.Optimizer, got float"),
        ({"train_batches": 3}, TypeError, "train_batches must be a DataLoader or a list, got int"),
        ({"val_batches": iter([])}, TypeError, "val_batches must start again each time"),
        ({"train_batches": []}, ValueError, "train_batches must hold at least one batch"),
        ({"test_batches": []}, ValueError, "test_batches must hold at least one batch, got none"),
        ({"train_batches": None}, TypeError, "train_batches must be a DataLoader or a list, got"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"seed": -1}, ValueError, r"seed must be between 0 and 2\*\*32 - 2, got -1"),
        ({"max_rows": 1.5}, TypeError, "max_rows must be an integer, got 1.5"),
        ({"only": "loss"}, TypeError, "only must be a collection of names, got 'loss'"),
        ({"skip": ["lost"]}, ValueError, "skip must hold names of .*, got 'lost'"),
        ({"step": 3}, TypeError, "step must be callable or None, got int"),
        ({"train_batches": [{"x": torch.ones(2)}]}, ValueError, "must have one of the keys"),
        ({"train_batches": [(1, 2, 3)]}, ValueError, r"must be a pair .* got tuple of 3"),
    ],
)
def test_bad_arguments_are_named(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        diagnose(**(script() | changes))


def test_a_lazy_model_must_be_called_once() -> None:
    with pytest.raises(ValueError, match="model must be initialized: call it once"):
        diagnose(**script() | {"model": nn.LazyLinear(3), "optimizer": None})


def test_batches_are_read_up_to_max_rows() -> None:
    read = []

    class Counted(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            read.append(index)
            return torch.randn(6), torch.tensor(index % 3)

    data = torch.utils.data.DataLoader(Counted(), batch_size=10)
    diagnose(**script(train_batches=data, max_rows=95, only=["inputs"]))
    assert len(read) == 100


def test_dict_batches_and_own_functions() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = mlp(6, 16, 3)

        def forward(self, inputs: Tensor) -> dict[str, Tensor]:
            return {"logits": self.body(inputs)}

    model = Named()
    data = [{"inputs": x, "labels": y} for x, y in batches(*blobs())]
    report = diagnose(
        **script(model=model, train_batches=data, val_batches=None)
        | {"forward": lambda batch: model(batch["inputs"])["logits"]}
    )
    assert report.ok
    assert "baselines" in report.passed
    odd = [(1, x, y) for x, y in batches(*blobs())]
    body = model.body
    report = diagnose(
        **script(model=body, train_batches=odd, val_batches=None)
        | {"forward": lambda batch: body(batch[1]), "target": lambda batch: batch[2]}
    )
    assert report.ok
    assert "one_batch" in report.passed


def test_a_script_that_raises_is_one_error() -> None:
    report = diagnose(**script(model=mlp(5, 3)))
    assert found(report) == {"loss"}
    (finding,) = [f for f in report.findings if f.check == "loss"]
    assert "raises RuntimeError: mat1 and mat2 shapes cannot be multiplied" in finding.message
    assert report.skipped["one_batch"] == "the loss of the first batch cannot be computed"
    assert "shuffled_input" in report.passed
    report = diagnose(**script(loss_fn=nn.CrossEntropyLoss(reduction="none")))
    assert "is no scalar: its shape is [30]" in str(report)


FINDINGS = (
    Finding("inputs", "error", "1 < 2 & <b>", {"rows": 3.0, "of": [1, 2]}, "Look.", "Try <i>."),
    Finding("loss", "note", "small"),
)


def test_the_report_as_text_and_data() -> None:
    report = Report(FINDINGS, ["labels"], {"zero_grad": "needs step"})
    text = str(report)
    assert text.startswith("diagnose: 1 error, 1 note; 1 check passed, 1 skipped\n")
    for part in ("ERROR inputs: 1 < 2", "seen: rows 3, of [1, 2]", "try: Try", "passed: labels"):
        assert part in text
    assert "skipped: zero_grad (needs step)" in text
    assert max(map(len, text.splitlines())) <= 96
    data = json.loads(json.dumps(report.to_dict()))
    assert data["findings"][0]["evidence"] == {"rows": 3.0, "of": [1, 2]}
    assert (data["ok"], data["passed"], data["skipped"]) == (False, ["labels"], report.skipped)
    assert Report(FINDINGS[1:], [], {}).ok
    assert str(Report([], [], {})) == "diagnose: nothing found; 0 checks passed"


def test_the_report_as_html_is_a_table_without_colours() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.seen: list[tuple[str, dict[str, str | None]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen.append((tag, dict(attrs)))
            if tag != "br":
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    text = Report(FINDINGS, ["labels"], {"zero_grad": "needs <step>"})._repr_html_()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert {"b", "i", "step"} & {tag for tag, _ in tags.seen} == set()
    assert [a["scope"] for tag, a in tags.seen if tag == "th"] == ["col"] * 2
    assert "color" not in text
    assert "#" not in text
    assert "<strong>error</strong>" in text
    assert "1 &lt; 2 &amp; &lt;b&gt;" in text


def test_a_severity_is_one_of_three() -> None:
    with pytest.raises(ValueError, match=r"severity must be one of .*, got 'fatal'"):
        Finding("inputs", "fatal", "?")  # type: ignore[arg-type]


def test_every_real_report_is_json_and_html() -> None:
    report = diagnose(**script(model=nn.Sequential(mlp(6, 16, 3), nn.Softmax(1))))
    assert json.loads(json.dumps(report.to_dict()))["ok"] is False
    assert all(f.heuristic and f.advice for f in report.findings)
    assert "softmax" in report._repr_html_()


def test_scripts_of_all_kinds_are_healthy() -> None:
    assert alarms(loss_fn=nn.CrossEntropyLoss(label_smoothing=0.1)) == set()
    assert alarms(optimizer=None) == set()
