"""SST-2 real and made up, digits, spirals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from course_utils import corpus, data, fetching
from course_utils.standin import standin_rows
from course_utils.text import Vocabulary, bag_of_words

DATA_DIR = os.environ.get("COURSE_DATA_DIR", "")
needs_sst2 = pytest.mark.skipif(not DATA_DIR, reason="COURSE_DATA_DIR is not set: no SST-2 here")


@pytest.fixture
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """No files, and a network that refuses; returns the list of attempts to use it."""
    tried: list[Any] = []

    def refuse(mirrors: Any, *_: Any, **__: Any) -> bytes:
        tried.append(mirrors)
        raise fetching.FetchError("no route to host")

    monkeypatch.setattr(fetching, "download", refuse)
    monkeypatch.setattr(corpus, "_failure", [])
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    return tried


@needs_sst2
def test_sst2_has_the_counts_of_the_lecture() -> None:
    official, lecture = data.sst2(), data.sst2("lecture")
    assert [len(part) for part in (official.train, official.dev, official.test)] == [
        6920,
        872,
        1821,
    ]
    assert [len(part) for part in (lecture.train, lecture.dev, lecture.test)] == [5000, 872, 1920]
    assert lecture.train.labels.bincount().tolist() == [2393, 2607]
    assert lecture.train.texts + lecture.test.texts == official.train.texts
    assert official.test.labels.sum() == 909
    assert official.train.labels.dtype == torch.long
    assert official.real
    assert data.sst2_status() == "real"
    assert official.train.texts[0].startswith("a stirring , funny")


@needs_sst2
def test_the_real_corpus_prints_no_notice(capsys: pytest.CaptureFixture[str]) -> None:
    data.sst2()
    assert capsys.readouterr().out == ""


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises(ValueError, match='split must be "official" or "lecture", got \'offical\''):
        data.sst2("offical")  # type: ignore[arg-type]


@pytest.mark.parametrize("split", ["official", "lecture"])
def test_the_stand_in_has_the_shape_of_the_corpus_and_says_what_it_is(
    split: Any, no_network: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    made_up = data.sst2(split)
    sizes = [6920, 872, 1821] if split == "official" else [5000, 872, 1920]
    assert [len(part) for part in (made_up.train, made_up.dev, made_up.test)] == sizes
    assert not made_up.real
    assert data.sst2_status() == "stand-in"
    for part in (made_up.train, made_up.dev, made_up.test):
        assert part.labels.dtype == torch.long
        assert 0.45 < part.labels.double().mean() < 0.58
    notice = capsys.readouterr().out
    assert notice.count("\n") == 1
    for words in ("stand-in", "not evaluated", "no route to host", "COURSE_DATA_DIR"):
        assert words in notice


def test_the_network_is_asked_once(no_network: list[Any]) -> None:
    data.sst2()
    data.sst2("lecture")
    data.sst2_status()
    assert len(no_network) == 1


def test_the_remembered_failure_says_how_to_ask_again(no_network: list[Any]) -> None:
    for _ in range(2):
        with pytest.raises(fetching.FetchError, match="no route to host") as caught:
            corpus.sst2_files()
        assert "restart the kernel and try again" in str(caught.value)
    assert len(no_network) == 1


def test_staying_off_the_network_is_not_remembered(
    no_network: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert data.sst2_status() == "stand-in"
    assert no_network == []
    monkeypatch.delenv("COURSE_OFFLINE")
    with pytest.raises(fetching.FetchError, match="no route to host"):
        corpus.sst2_files()
    assert len(no_network) == 1


@needs_sst2
def test_files_that_turn_up_after_a_failure_are_used(
    no_network: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.sst2_status() == "stand-in"
    monkeypatch.setenv("COURSE_DATA_DIR", DATA_DIR)
    assert data.sst2_status() == "real"


def test_a_damaged_file_in_data_dir_is_not_hidden_by_the_stand_in(
    no_network: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "sst2").mkdir(parents=True)
    (tmp_path / "own" / "sst2" / "train.tsv").write_text("good\t1\n")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "own"))
    with pytest.raises(ValueError, match=r"train\.tsv"):
        data.sst2()


def test_the_stand_in_is_the_same_everywhere_and_every_time() -> None:
    lines = "".join(f"{text}\t{label}\n" for text, label in standin_rows(300, seed=300))
    digest = "17baf98cf3fe3a718642f6e6fe2ce94deeef622af39707abc483848acd611d35"
    assert hashlib.sha256(lines.encode()).hexdigest() == digest
    assert standin_rows(300, seed=1) != standin_rows(300, seed=2)


def test_the_stand_in_is_as_hard_as_the_corpus(no_network: list[Any]) -> None:
    made_up = data.sst2("lecture")
    vocabulary = Vocabulary.from_texts(made_up.train.texts, min_count=6)
    assert 1000 < len(vocabulary) < 2500
    assert {"good", "bad", "cats", "are", "perfect", "not"} <= set(vocabulary)
    model = LogisticRegression(max_iter=1500)
    model.fit(bag_of_words(made_up.train.texts, vocabulary, sparse=True), made_up.train.labels)
    test = bag_of_words(made_up.test.texts, vocabulary, sparse=True)
    assert 0.75 < model.score(test, made_up.test.labels) < 0.85


def test_the_command_says_what_is_here(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "course_utils.data"]
    env = {**os.environ, "COURSE_OFFLINE": "1", "COURSE_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if DATA_DIR:
        assert (run.returncode, run.stdout.count("rows")) == (0, 3)
    else:
        assert run.returncode == 1
        assert "stand-in" in run.stdout
    assert run.stderr == ""


def test_digits_are_divided_without_overlap() -> None:
    parts = data.digits(seed=3, standardize=False)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [1000, 297, 500]
    rows = torch.cat([parts.train.inputs, parts.val.inputs, parts.test.inputs])
    assert rows.shape == (1797, 64)
    assert len(rows.unique(dim=0)) == 1797
    assert (rows.min(), rows.max()) == (0, 1)


def test_digits_depend_on_the_seed_alone() -> None:
    torch.manual_seed(0)
    one, again, other = data.digits(seed=1), data.digits(seed=1), data.digits(seed=2)
    assert torch.equal(one.train.inputs, again.train.inputs)
    assert not torch.equal(one.train.inputs, other.train.inputs)
    state = torch.get_rng_state()
    data.digits(label_noise=0.2)
    data.spiral()
    assert torch.equal(state, torch.get_rng_state())


def test_digits_are_standardised_with_train_statistics() -> None:
    raw, parts = data.digits(standardize=False), data.digits()
    mean = raw.train.inputs.double().mean(0)
    std = raw.train.inputs.double().std(0, correction=0)
    for part in ("train", "val", "test"):
        x = getattr(raw, part).inputs.double()
        torch.testing.assert_close(
            getattr(parts, part).inputs.double(), (x - mean) / (std + 0.01), atol=1e-4, rtol=1e-4
        )
    constant = std == 0
    assert constant.any()
    assert torch.equal(parts.train.inputs[:, constant], torch.zeros(1000, int(constant.sum())))
    assert parts.test.inputs.isfinite().all()


def test_label_noise_replaces_a_share_of_the_train_labels_alone() -> None:
    clean, noisy, more = (data.digits(label_noise=share) for share in (0.0, 0.4, 0.8))
    wrong = noisy.train.labels != noisy.clean_labels
    assert torch.equal(clean.train.labels, clean.clean_labels)
    assert torch.equal(noisy.clean_labels, clean.clean_labels)
    assert 0.36 * 1000 - 40 < wrong.sum() < 0.36 * 1000 + 40  # a tenth of 0.4 is right by chance
    assert torch.equal(noisy.val.labels, clean.val.labels)
    assert torch.equal(noisy.test.labels, clean.test.labels)
    assert torch.equal(noisy.train.inputs, clean.train.inputs)
    assert torch.equal(more.train.labels[wrong], noisy.train.labels[wrong])
    drawn = data.digits(label_noise=1.0).train.labels.bincount(minlength=10)
    assert (drawn > 60).all()


def test_spiral_without_noise_is_the_formula() -> None:
    arms = data.spiral(points=50, classes=4, noise=0.0)
    radius = arms.inputs.double().norm(dim=1).reshape(4, 50)
    torch.testing.assert_close(
        radius, torch.linspace(0, 1, 50).double().expand(4, 50), atol=1e-6, rtol=0
    )
    x, y = arms.inputs[2 * 50 + 49].double()  # the end of arm 2, at an angle of 4 (2 + 1)
    assert torch.atan2(x, y) == pytest.approx(12 - 4 * torch.pi, abs=1e-5)
    assert arms.labels.bincount().tolist() == [50] * 4


def test_spiral_noise_turns_and_does_not_stretch() -> None:
    calm, noisy = data.spiral(1, noise=0.0), data.spiral(1, noise=0.2)
    torch.testing.assert_close(calm.inputs.norm(dim=1), noisy.inputs.norm(dim=1))
    outer = calm.inputs.norm(dim=1) > 0.1
    a, b = (torch.view_as_complex(s.inputs[outer]).angle() for s in (calm, noisy))
    turned = torch.remainder(a - b + torch.pi, 2 * torch.pi) - torch.pi
    assert turned.std() == pytest.approx(0.2, abs=0.03)
    assert not torch.equal(noisy.inputs, data.spiral(2, noise=0.2).inputs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.digits(label_noise=-0.1), "label_noise must lie in"),
        (lambda: data.digits(label_noise=1.5), "label_noise must lie in"),
        (lambda: data.digits(train=0), "train, val and test must be at least 1"),
        (lambda: data.digits(train=1797), "at most 1797 together"),
        (lambda: data.spiral(points=1), "points must be at least 2"),
        (lambda: data.spiral(classes=0), "classes must be at least 1"),
        (lambda: data.spiral(noise=-1.0), "noise must be non-negative"),
        (lambda: data.spiral(noise=float("nan")), "noise must be non-negative"),
    ],
)
def test_bad_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_repr_does_not_print_the_data() -> None:
    assert repr(data.digits().train) == "Examples(1000 examples of 64 numbers)"
    texts = data.Texts(["good", "bad", "fine"], torch.tensor([1, 0, 1]))
    assert repr(texts) == "Texts(3 texts, labels [1, 2])"
