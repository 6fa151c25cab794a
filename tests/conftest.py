"""How tests are dealt to processes."""

from __future__ import annotations

import pytest

# Long tests that share nothing: dealt one by one, not as a file.
SPREAD = {"test_colab.py", "test_grading_hostile.py", "test_site.py"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, where they share what they prepare."""
    for item in items:
        if item.path.name not in SPREAD:
            item.add_marker(pytest.mark.xdist_group(str(item.path.name)))
