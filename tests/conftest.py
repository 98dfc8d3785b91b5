"""The order of the tests' files."""

import pytest

LONG = ("test_judge_properties.py",)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files first that take long without waiting: where whole files are dealt out, everybody waits for a long one that begins last."""
    items.sort(key=lambda item: item.path.name not in LONG)
