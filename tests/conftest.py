"""The order of the tests' files, how long each of them takes, and no test that a slow machine fails."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.nightly.order import File, measured, order, write

HERE = Path(__file__).parent
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-durations", action="store_true", help="Write how long each file of tests took into tests/durations.json.")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort whole files; xdist keeps that order with ``--dist loadfile --no-loadscope-reorder``."""
    counts, seconds = Counter(map(_file, items)), measured()
    places = {file.path: place for place, file in enumerate(order(File(path, count, seconds.get(path)) for path, count in counts.items()))}
    items.sort(key=lambda item: places[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).as_posix() if item.path.is_relative_to(HERE) else str(item.path)


class Durations:
    """Adds up how long the tests of each file took, set-up and the rest included."""

    def __init__(self) -> None:
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid.partition("::")[0].removeprefix("tests/")] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        write(self._seconds)
