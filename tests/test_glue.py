import numpy as np
import pytest
import torch

from course_utils import glue as module
from course_utils.glue import glue
from course_utils.stats import Estimate


@pytest.mark.parametrize(
    ("value", "printed", "kept"),
    [
        (np.float64(0.77), "0.77", "0.77"),
        (torch.tensor(2), "2", "2"),
        (Estimate(0.5, 0.4, 0.6, 3), "0.5 ± 0.1", "'0.5 ± 0.1'"),
    ],
)
def test_numbers_of_other_packages_are_kept_as_numbers(
    monkeypatch, capsys, value, printed, kept
) -> None:
    bundles = []
    monkeypatch.setattr(module, "publish", lambda bundle, metadata: bundles.append(bundle))
    glue(x=value)
    assert capsys.readouterr().out == f"x = {printed}\n"
    assert list(bundles[0].values()) == [kept]


def test_values_are_printed_and_kept_for_the_page(monkeypatch, capsys) -> None:
    calls = []
    monkeypatch.setattr(module, "publish", lambda *arguments: calls.append(arguments))
    glue(accuracy=0.123456, words=1839)
    assert capsys.readouterr().out == "accuracy = 0.1235\nwords = 1839\n"
    bundle, metadata = calls[0]
    assert metadata["scrapbook"]["name"] == "accuracy"
    assert bundle[metadata["scrapbook"]["mime_prefix"] + "text/plain"] == "0.123456"
