"""Leaves the gallery's long part out, unless ``-m`` asks for it; its drills are run by its own tests, not by the plugin for scenarios."""

from __future__ import annotations

import pytest

collect_ignore_glob = ["bases/*"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gallery: plants a bug into a drill; takes minutes in all, and is left out without -m gallery")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("gallery")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
