"""The pytest plugin: every scenario file is one test, run by the same runner as ``drillbook run``.

A drill passes when its verdict is held; one that declares ``expect: {broken: [...]}`` passes when exactly those invariants are broken and
all others held.
Nothing of Docker, and nothing heavy, is imported before an item runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

    from drillbook.app.settings import Setting
    from drillbook.drill import Drilled
    from drillbook.judge.verdict import Judgement


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drillbook", "rollback drills")
    group.addoption("--drill-seed", type=int, default=None, help="Random seed of every drill; generated if omitted.")
    group.addoption("--drill-output", type=Path, default=None, help="Directory for results of drills (default: reports).")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Take Locust's pytest plugin away, which comes with the load's engine: a project's own ``--host`` would clash with its option.

    ``-p locust`` keeps it.
    """
    if "locust" not in (early_config.known_args_namespace.plugins or ()):
        _forget_plugin(early_config.pluginmanager, "locust")
        _forget_option(parser, "--host")


def _forget_plugin(manager: Any, name: str) -> None:
    """Undo the registration of a plugin; its fixtures are found in the history of registrations."""
    plugin = manager.get_plugin(name)
    manager.set_blocked(name)
    history = manager.hook.pytest_plugin_registered._call_history
    history[:] = [call for call in history if plugin is None or call[0].get("plugin") is not plugin]


def _forget_option(parser: Any, name: str) -> None:
    """Undo ``parser.addoption``, for which pytest has no call; what it keeps differs between pytest 8 and 9."""
    for option in [option for option in parser._anonymous.options if name in option.names()]:
        parser._anonymous.options.remove(option)
        action = getattr(option, "_action", None)
        if action is not None:
            for string in action.option_strings:
                parser.optparser._option_string_actions.pop(string, None)
            action.container._remove_action(action)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    from drillbook.validation.discovery import is_drill

    return ScenarioFile.from_parent(parent, path=file_path) if is_drill(file_path) else None


class ScenarioFile(pytest.File):
    """One scenario file."""

    def collect(self) -> Iterator[pytest.Item]:
        from drillbook.validation.discovery import name
        from drillbook.validation.loader import ScenarioError, load

        try:
            scenario = load(self.path)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        item: DrillItem = DrillItem.from_parent(self, name=name(self.path))
        item.expected = tuple(scenario.expect.broken) if scenario.expect else ()
        for tag in scenario.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of a drill")
            item.add_marker(tag)
        yield item


class DrillFailedError(Exception):
    """The drill did not end as it must; the message is what the summary line shows."""

    def __init__(self, message: str, drilled: Drilled) -> None:
        super().__init__(message)
        self.drilled = drilled


class DrillItem(pytest.Item):
    """One drill."""

    expected: tuple[str, ...] = ()

    def runtest(self) -> None:
        from drillbook.app.settings import OUTPUT, SEED
        from drillbook.core.progress import Progress, ProgressConsole
        from drillbook.drill import new_seed, run_drill

        seed = self._given("--drill-seed", SEED)
        seed = new_seed() if seed is None else seed
        self.user_properties += [("seed", seed)]
        progress = Progress(ProgressConsole(stderr=True, highlight=False, force_terminal=False, soft_wrap=True))
        drilled = run_drill(self.path, seed, self._given("--drill-output", OUTPUT), progress=progress)
        self.user_properties += [
            ("replay", drilled.replay),
            ("run_directory", str(drilled.run_directory)),
            ("verdict", str(drilled.judgement.verdict) if drilled.judgement else "none"),
        ]
        if drilled.interrupted_by is not None:
            raise KeyboardInterrupt
        message = complaint(drilled.judgement, self.expected, str(drilled.error) if drilled.error else None)
        if message is not None:
            raise DrillFailedError(message, drilled)

    def _given(self, option: str, setting: Setting) -> Any:
        given = self.config.getoption(option)
        return setting.value() if given is None else given

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from drillbook.core.errors import DrillbookError

        if isinstance(excinfo.value, DrillFailedError):
            return DrillReport(str(self.path), str(excinfo.value), excinfo.value.drilled)
        if isinstance(excinfo.value, DrillbookError):
            return DrillReport(str(self.path), str(excinfo.value), None)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class DrillReport(TerminalRepr):
    """What pytest prints of a drill that failed: the verdict, its findings and where the report is."""

    def __init__(self, path: str, message: str, drilled: Drilled | None) -> None:
        self.reprcrash = ReprFileLocation(path, 1, message)
        self._drilled = drilled

    def toterminal(self, tw: TerminalWriter) -> None:
        tw.line(self.reprcrash.message, red=True)
        if self._drilled is None:
            return
        judgement = self._drilled.judgement
        for result in judgement.results if judgement else ():
            if result.verdict != "held":
                tw.line(f"{result.verdict:8} {result.name}: {result.reason or result.sentence} ({result.count} found)")
                for finding in result.findings[:3]:
                    tw.line(f"         {finding.task or '-'} {f'[{finding.step}] ' if finding.step else ''}{finding.why}")
        tw.line(f"report: {self._drilled.report}")
        tw.line(f"again:  {self._drilled.replay}")

    def __str__(self) -> str:
        return self.reprcrash.message


def complaint(judgement: Judgement | None, expected: tuple[str, ...], error: str | None) -> str | None:
    """Why a drill fails its test, in one sentence; None when it passes.

    Args:
        judgement: what the judge said.
        expected: invariants that the scenario declares it breaks.
        error: what kept the harness from finishing.
    """
    if error is not None:
        return error
    if judgement is None:
        return "the run could not be judged"
    broken = [result.name for result in judgement.results if result.verdict == "broken"]
    if expected:
        inconclusive = [result.name for result in judgement.results if result.verdict == "inconclusive"]
        if sorted(broken) == sorted(expected):
            return f"could not judge {', '.join(inconclusive)}" if inconclusive else None
        return f"expected to break exactly {', '.join(sorted(expected))}, but broke {', '.join(sorted(broken)) or 'nothing'}"
    if judgement.verdict == "held":
        return None
    first = next((result for result in judgement.results if result.verdict == "broken"), None)
    return f"{first.name}: {first.findings[0].why}" if first and first.findings else judgement.sentence
