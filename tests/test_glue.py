from course_utils import glue as module
from course_utils.glue import glue


def test_values_are_printed_and_kept_for_the_page(monkeypatch, capsys) -> None:
    calls = []
    monkeypatch.setattr(module, "publish", lambda *arguments: calls.append(arguments))
    glue(accuracy=0.123456, words=1839)
    assert capsys.readouterr().out == "accuracy = 0.1235\nwords = 1839\n"
    bundle, metadata = calls[0]
    assert metadata["scrapbook"]["name"] == "accuracy"
    assert bundle[metadata["scrapbook"]["mime_prefix"] + "text/plain"] == "0.123456"
