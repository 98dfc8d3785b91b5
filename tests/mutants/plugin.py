"""A plugin of pytest for runs over mutants: which tests run, in which order, how long each takes, and which lines it reaches.

``TESTS`` names a file with the ids of tests, one a line: these are run, in this order, and no others. ``TIMES`` names a file to write, with
what each test took and whether it passed. Under coverage.py each test is a context of its own, in the Python programs that it starts too:
``CHILDREN`` names the configuration that these are measured with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS, TIMES, CHILDREN = "DRILLBOOK_MUTANTS_TESTS", "DRILLBOOK_MUTANTS_TIMES", "DRILLBOOK_MUTANTS_CHILDREN"
TEST = "DRILLBOOK_MUTANTS_TEST"
"""In the environment of what a test starts: its id."""
SHARED = "*"
"""The context of what is made once for several tests."""
_running = ""
_took: dict[str, float] = {}
_fallen: set[str] = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Last of all, so that the order stays."""
    yield
    if TESTS in os.environ:
        places = {name: place for place, name in enumerate(Path(os.environ[TESTS]).read_text(encoding="utf-8").splitlines())}
        items[:] = sorted((item for item in items if item.nodeid in places), key=lambda item: places[item.nodeid])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage is told of each test."""
    global _running
    measured, _running = _measured(), item.nodeid
    if CHILDREN in os.environ:
        os.environ |= {"COVERAGE_PROCESS_START": os.environ[CHILDREN], TEST: item.nodeid}
    if measured is not None:
        measured.switch_context(item.nodeid)  # type: ignore[attr-defined]
    yield
    if measured is not None:
        measured.switch_context("")  # type: ignore[attr-defined]


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> Iterator[None]:
    """What is made once for several tests is run by all of them, whichever comes first."""
    measured = _measured() if fixturedef.scope != "function" else None
    if measured is not None:
        measured.switch_context(SHARED)  # type: ignore[attr-defined]
    yield
    if measured is not None:
        measured.switch_context(_running)  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Set-up and the rest count."""
    _took[report.nodeid] = _took.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _fallen.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write what each took; what fell here, where nothing is planted, is of no use later."""
    if TIMES in os.environ:
        Path(os.environ[TIMES]).write_text(json.dumps({name: took for name, took in _took.items() if name not in _fallen}))


def _measured() -> object | None:
    if TIMES not in os.environ:
        return None
    from coverage import Coverage

    return Coverage.current()
