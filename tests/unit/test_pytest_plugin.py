"""What makes a drill pass or fail as a test, and that collecting it needs no engine."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from _pytest._io import TerminalWriter

from drillbook.app.pytest_plugin import DrillReport, complaint
from drillbook.drill import Drilled
from drillbook.judge.verdict import Finding, Judgement, Result, Verdict

ROOT = Path(__file__).parents[2]
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Plugins that are no part of this; Hypothesis takes longer to be imported than all else."""


def judgement(**verdicts: str) -> Judgement:
    results = tuple(
        Result(name, f"{name} must hold", Verdict(verdict), int(verdict == "broken"), (Finding("a", f"{name} is why"),))
        for name, verdict in verdicts.items()
    )
    order = [Verdict.HELD, Verdict.INCONCLUSIVE, Verdict.BROKEN]
    return Judgement("t", max((result.verdict for result in results), key=order.index), "The sentence.", results, None)


def test_a_drill_that_holds_passes() -> None:
    assert complaint(judgement(a="held"), (), None) is None


def test_a_drill_that_breaks_fails_with_its_first_broken_invariant() -> None:
    assert complaint(judgement(a="held", b="broken", c="broken"), (), None) == "b: b is why"


def test_a_drill_that_proves_nothing_fails_with_the_verdicts_sentence() -> None:
    assert complaint(judgement(a="inconclusive"), (), None) == "The sentence."


def test_a_known_bad_drill_that_breaks_exactly_what_it_declares_passes() -> None:
    assert complaint(judgement(a="broken", b="held"), ("a",), None) is None


def test_a_known_bad_drill_that_holds_fails() -> None:
    assert complaint(judgement(a="held"), ("a",), None) == "expected to break exactly a, but broke nothing"


def test_a_known_bad_drill_that_breaks_more_than_it_declares_fails() -> None:
    assert complaint(judgement(a="broken", b="broken"), ("a",), None) == "expected to break exactly a, but broke a, b"


def test_a_known_bad_drill_that_breaks_less_than_it_declares_fails() -> None:
    assert complaint(judgement(a="broken", b="inconclusive"), ("a", "b"), None) == "expected to break exactly a, b, but broke a"


def test_a_known_bad_drill_with_an_invariant_that_could_not_be_judged_fails() -> None:
    assert complaint(judgement(a="broken", b="inconclusive"), ("a",), None) == "could not judge b"


def test_an_error_of_the_harness_fails_even_a_known_bad_drill() -> None:
    assert complaint(judgement(a="broken"), ("a",), "the engine went away") == "the engine went away"


def printed(drilled: Drilled | None) -> list[str]:
    """What pytest prints of a drill that failed."""
    screen = StringIO()
    DrillReport("scenario.yaml", "Why it failed.", drilled).toterminal(TerminalWriter(screen))
    return screen.getvalue().splitlines()


def drilled(judged: Judgement | None) -> Drilled:
    return Drilled(Path("run"), judged, Path("run/report.html"), None, None, 7, "drillbook run it --seed 7")


AGAIN = ["report: run/report.html", "again:  drillbook run it --seed 7"]


def test_a_failed_drill_is_printed_with_what_did_not_hold_its_report_and_how_to_run_it_again() -> None:
    findings = (Finding("a", "it is lost"), Finding(None, "it was late", step="stop v2"), *[Finding(name, "it too") for name in "bc"])
    results = (
        Result("kept", "All is kept.", Verdict.HELD, 0, ()),
        Result("lost", "Nothing is lost.", Verdict.BROKEN, 4, findings),
        Result("fenced", "It is fenced.", Verdict.INCONCLUSIVE, 0, (), reason="the wire is missing"),
    )
    assert printed(drilled(Judgement("t", Verdict.BROKEN, "The sentence.", results, None))) == [
        "Why it failed.",
        "broken   lost: Nothing is lost. (4 found)",
        "         a it is lost",
        "         - [stop v2] it was late",
        "         b it too",
        "inconclusive fenced: the wire is missing (0 found)",
        *AGAIN,
    ]


def test_a_drill_that_could_not_be_judged_is_printed_with_its_report_and_how_to_run_it_again() -> None:
    assert printed(drilled(None)) == ["Why it failed.", *AGAIN]


def test_a_drill_that_could_not_be_run_is_printed_as_why() -> None:
    assert printed(None) == ["Why it failed."]


def collect(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *WITHOUT, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_scenario_is_collected_as_one_test_without_an_engine() -> None:
    done = collect("scenarios")
    assert "scenarios/versioned_workers/scenario.yaml::versioned_workers" in done.stdout
    assert "scenarios/versioned_workers/careless.yaml::versioned_workers-careless" in done.stdout
    assert done.returncode == 0, done.stdout


def test_drills_are_chosen_by_name_and_by_tag() -> None:
    assert "careless" not in collect("scenarios", "-k", "not careless").stdout.split("deselected")[0]
    assert "versioned_workers-careless" in collect("scenarios", "-m", "known-bad").stdout


def test_other_yaml_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    assert collect(tmp_path, cwd=tmp_path).returncode == 5


def test_the_scenario_of_a_run_is_no_drill(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: x\ninvariants: {no_lost_tasks: }\n")
    (tmp_path / "plan.json").write_text("{}")
    assert collect(tmp_path, cwd=tmp_path).returncode == 5


def test_a_bad_scenario_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: x\ninvariants: {no_lost_taks: }\n")
    done = collect(tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "scenario.yaml:2:14" in done.stdout
    assert "did you mean no_lost_tasks" in done.stdout


# In a suite that has nothing to do with drills

GUEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--host", "-H", default="here")

@pytest.fixture
def host(request):
    return request.config.getoption("--host")
"""


def own(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a project's own tests."""
    command = [sys.executable, "-m", "pytest", *WITHOUT, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_project_may_have_an_option_that_locusts_plugin_has_too(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(GUEST)
    (tmp_path / "test_it.py").write_text("def test_it(host):\n    assert host == 'there'\n")
    done = own(tmp_path, "-q", "--host", "there")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_option_and_no_fixture_of_locusts_plugin_is_there(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(session):\n    pass\n")
    assert "fixture 'session' not found" in own(tmp_path).stdout
    assert "unrecognized arguments: --host" in own(tmp_path, "--host", "there").stderr


def test_who_asks_for_locusts_plugin_gets_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(request):\n    assert request.config.getoption('--host') == 'there'\n")
    done = own(tmp_path, "-q", "-p", "locust", "--host", "there")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("blog.yaml", "title: My blog\nposts: []\n"),
        ("blog.yml", "title: My blog\ninvariants: none\n"),
        ("scenario.yaml", "title: A login\nsteps: [open, log in]\n"),
        ("scenario.yml", "- one\n- two\n"),
    ],
)
def test_a_file_of_another_kind_is_no_drill_whatever_its_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert own(tmp_path, "--collect-only", "-q").returncode == 5


def test_a_project_without_drills_has_nothing_of_drillbook_imported_but_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n\n\ndef test_it():\n    assert {name for name in sys.modules if name.startswith('drillbook.') "
        "and not name.startswith('drillbook.app')} == set()\n    assert not {'docker', 'duckdb', 'pydantic', 'rich'} & set(sys.modules)\n"
    )
    done = own(tmp_path, "-q")
    assert done.returncode == 0, done.stdout
