"""The command line without an engine: results on stdout, errors as sentences on stderr, exit codes as documented."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from histories import history

from drillbook.app.cli import main, names
from drillbook.app.command import console
from drillbook.engine.doctor import Check

ROOT = Path(__file__).parents[2]
COMMANDS = [name for name in names() if name != "check"]
"""``check`` only says what it is called now."""


def drillbook(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "drillbook"), *map(str, arguments)]
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example_and_the_exit_codes(command: str) -> None:
    done = drillbook(command, "--help")
    assert done.returncode == 0
    assert f"drillbook {command}" in done.stdout.split("Example:")[1]
    assert ("4 inconclusive" in done.stdout) == (command in ("decode", "judge", "run"))
    assert "2 usage error or invalid file" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    probe = "import sys\nfrom drillbook.app.cli import main\nsys.argv = ['drillbook', '--help']\n"
    probe += "try:\n    main()\nexcept SystemExit:\n    pass\n"
    probe += "print([name for name in ('docker', 'duckdb', 'pydantic', 'pika', 'jinja2', 'rich', 'locust') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("lines", "exit_code"),
    [
        (("publish a ok", "effect a"), 0),
        (("publish a ok", "effect a", "effect a"), 1),
    ],
)
def test_judge_exits_by_the_verdict(lines: tuple[str, ...], exit_code: int) -> None:
    done = drillbook("judge", history(*lines))
    assert done.returncode == exit_code, done.stdout + done.stderr


@pytest.mark.parametrize("what", ["scenarios", "runs"])
def test_a_folder_to_list_that_is_not_there_is_an_error(tmp_path: Path, what: str) -> None:
    done = drillbook("list", what, tmp_path / "none")
    assert (done.returncode, done.stdout, str(tmp_path / "none") in done.stderr) == (2, "", True)


def test_without_any_runs_yet_the_list_of_them_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["list", "runs", "--json"])
    assert (done.exit_code, done.output) == (0, "[]\n")


def unread(*arguments: str | Path, stream: str = "stdout") -> tuple[int, str]:
    """The exit code where nobody reads a stream, and what is said on the other one."""
    read, write = os.pipe()
    os.close(read)
    command = [str(Path(sys.executable).parent / "drillbook"), *map(str, arguments)]
    others = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: write}
    done = subprocess.run(command, cwd=ROOT, text=True, timeout=300, **others)  # type: ignore[call-overload]
    os.close(write)
    return done.returncode, (done.stdout or "") + (done.stderr or "")


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["words", "json"])
@pytest.mark.parametrize(("effects", "exit_code"), [(1, 0), (2, 1)], ids=["held", "broken"])
def test_judge_exits_by_the_verdict_when_nobody_reads_it(effects: int, exit_code: int, more: tuple[str, ...]) -> None:
    run = history("publish a ok", *["effect a"] * effects)
    assert unread("judge", run, *more) == (exit_code, "")
    assert (run / "report.html").exists()


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("list", "--help"), ("list",), ("list", "--json"), ("explain", "no_lost_tasks"), ("schema",)],
    ids=" ".join,
)
def test_a_command_that_nobody_reads_exits_as_by_sigpipe(arguments: tuple[str, ...]) -> None:
    assert unread(*arguments) == (141, "")


def test_an_error_that_nobody_reads_has_its_own_exit_code(tmp_path: Path) -> None:
    assert unread("judge", tmp_path, stream="stderr") == (2, "")
    assert unread("no_such_command", stream="stderr") == (141, "")


def test_with_reports_elsewhere_a_task_is_still_explained_from_its_run(tmp_path: Path) -> None:
    run = history("publish a ok", "publish b ok", "effect b")
    shown = drillbook("judge", run, "--output", tmp_path / "elsewhere").stdout
    assert f"drillbook explain {run} a" in shown
    assert str(tmp_path / "elsewhere" / "report.html") in shown


def test_a_directory_that_is_no_run_is_a_sentence_and_exit_2(tmp_path: Path) -> None:
    done = drillbook("judge", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "no scenario.yaml" in done.stderr


def test_a_missing_engine_is_a_sentence_and_exit_3(tmp_path: Path) -> None:
    done = drillbook("run", "tests/drills/short", "--junit-xml", tmp_path / "new" / "junit.xml")
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    (suite,) = ElementTree.parse(tmp_path / "new" / "junit.xml").iter("testsuite")
    assert (suite.attrib["name"], suite.attrib["errors"], suite.attrib["tests"]) == ("short", "1", "1")
    assert "No Docker engine answers" in next(suite.iter("error")).attrib["message"]
    assert "No Docker engine answers at unix:///nowhere" in done.stderr


def test_validate_tells_the_steps_that_faults_may_name() -> None:
    done = drillbook("validate", "scenarios/versioned_workers/scenario.yaml")
    assert "playbook: route to v1, drain v2, park v2 shapes, stop v2, move leftovers, prove it" in done.stdout


def test_validate_tells_every_problem_and_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: x\ntagz: []\ninvariants: {no_lost_taks: }\n")
    done = drillbook("validate", tmp_path)
    assert done.returncode == 2
    assert "2:1: " in done.stderr
    assert "3:14: " in done.stderr


def test_explain_tells_a_tasks_story_whatever_the_verdict() -> None:
    done = drillbook("explain", history("publish a ok"), "a")
    assert done.returncode == 0, done.stderr
    assert "published with the key charge" in done.stdout


def test_explain_tells_what_an_invariant_means() -> None:
    done = drillbook("explain", "no_lost_tasks")
    assert done.returncode == 0, done.stderr
    assert "Every confirmed task left an effect" in done.stdout


@pytest.mark.parametrize("arguments", [("nothing",), ("nowhere", "a"), (history("publish a ok"), "b"), ("nowhere.sql",)])
def test_explain_of_what_is_not_there_is_a_sentence_and_exit_2(arguments: tuple[str | Path, ...]) -> None:
    done = drillbook("explain", *arguments)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert done.stderr.strip()


def test_check_says_what_it_is_called_now() -> None:
    done = drillbook("check", "reports/x")
    assert (done.returncode, done.stderr.strip()) == (2, "check is called judge now. drillbook judge reports/x")


def test_the_folder_of_a_scenario_is_not_taken_for_a_run() -> None:
    done = drillbook("judge", "tests/drills/short")
    assert done.returncode == 2
    assert "tests/drills/short is the folder of a scenario: there is no evidence in it. drillbook run tests/drills/short" in done.stderr


def test_what_programs_read_is_json_and_nothing_else(tmp_path: Path) -> None:
    run = history("publish a ok", "effect a")
    judged = json.loads(drillbook("judge", run, "--json").stdout)
    assert (judged["verdict"], judged) == ("held", json.loads((run / "verdict.json").read_text()))
    told = json.loads(drillbook("explain", run, "a", "--json").stdout)
    assert (told["summary"], told["verdict"], len(told["story"])) == ("Of type charge; confirmed; 1 effect; remains nowhere.", "held", 3)
    (tmp_path / "scenario.yml").write_text("title: t\ninvariants: {no_lost_task: }\n")
    (found,) = json.loads(drillbook("validate", tmp_path, "--json").stdout)
    assert {key: found["problems"][-1][key] for key in ("line", "column")} == {"line": 2, "column": 14}
    assert "did you mean no_lost_tasks?" in found["problems"][-1]["message"]
    (row,) = json.loads(drillbook("list", "scenarios", "tests/drills/short", "--json").stdout)
    assert (row["method"], row["expected"]) == ("versioned-workers", "held")


def test_a_defect_is_a_sentence_with_the_place_of_its_log_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr("drillbook.engine.doctor.checks", wrong)
    done = CliRunner().invoke(main, ["doctor"])
    assert (done.exit_code, done.stdout) == (70, "")
    said = re.fullmatch(
        r"internal error: KeyError\('nobody thought of this'\)\. What it was doing is in (\S+); please report it\.\n", done.stderr
    )
    assert said is not None
    log = Path(said[1])
    assert "nobody thought of this" in log.read_text()
    log.unlink()


INITS = {
    "a folder": (["mine"], "mine/scenario.yaml"),
    "a method": (["--method", "versioned-workers"], "scenarios/versioned_workers/scenario.yaml"),
    "both": (["--method", "versioned-workers", "mine"], "mine/scenario.yaml"),
}


@pytest.mark.parametrize(("arguments", "written"), INITS.values(), ids=INITS)
def test_init_writes_the_folder_that_is_named_or_that_of_the_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["init", *arguments])
    assert (done.exit_code, done.stderr) == (0, "")
    assert written in done.stdout.splitlines()
    assert sorted(done.stdout.splitlines()) == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())


def test_init_of_nothing_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["init"])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr == "say which folder to write, or a method. drillbook init --help has an example of each.\n"


def test_on_a_terminal_only_what_is_marked_has_a_colour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console().print("v1 can decode 970 of 'them', [red]no more[/red]")
    assert capsys.readouterr().out == "v1 can decode 970 of 'them', \x1b[31mno more\x1b[0m\n"


@pytest.mark.parametrize(
    ("checks", "said", "exit_code"),
    [
        ([Check("cores", True, "2")], "ok   cores: 2\n", 0),
        ([Check("images", True, "none", "Build them.")], "note images: none  -> Build them.\n", 0),
        (
            [Check("cores", True, "2"), Check("engine", False, "no answer", "Start it.")],
            "ok   cores: 2\nNO   engine: no answer  -> Start it.\n",
            3,
        ),
    ],
    ids=["all is there", "something is to be known", "something is missing"],
)
def test_doctor_says_what_is_there_and_exits_by_it(monkeypatch: pytest.MonkeyPatch, checks: list[Check], said: str, exit_code: int) -> None:
    monkeypatch.setattr("drillbook.engine.doctor.checks", lambda: checks)
    done = CliRunner().invoke(main, ["doctor"])
    assert (done.stdout, done.exit_code) == (said, exit_code)
