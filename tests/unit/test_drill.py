"""A drill from its file to its verdict, with a stage and a drive of our own: in which order, what ends it, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillbook import drill as module
from drillbook.core.errors import DefectError, HarnessError
from drillbook.core.progress import Progress
from drillbook.drill import Drilled, new_seed, run_drill
from drillbook.evidence import Effect, Published, RunDirectory, now
from drillbook.stage.images import StageImages
from drillbook.validation.changes import parse_changes

SCENARIO = """\
title: One task is done
stage:
  broker: {queues: {tasks: {}}}
  workers: {v1: {image: app}}
load: {rate: 1/s, duration: 1s, routing_key: tasks}
effects: {sources: {calls: {http: true}}}
playbook: {run: ./rollback.sh, start: {at: 0s}}
invariants: {no_lost_tasks: , mine: }
"""
MINE = "-- mine: Nothing is wrong.\n-- needs: published\nselect task from published where false\n"
IMAGES = StageImages({("broker",): "rabbitmq:4", ("workers", "v1"): "app:1"})
SECRET = "s3cr3t"


class Words(Progress):
    """What the person at the terminal is told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []

    def phase(self, name: str, detail: str = "") -> None:
        self.said.append(name)

    def note(self, text: str) -> None:
        self.said.append(text)


class Parts:
    """The stage and the conductor, which write down what they are asked and do what a test has them do."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.does: dict[str, Callable[[], object]] = {}

    def act(self, name: str) -> None:
        self.log.append(name)
        self.does.get(name, lambda: None)()

    def stage(self, _scenario: Any, _folder: Path, run: RunDirectory, run_id: str, images: StageImages, _say: Any) -> Any:
        assert images is IMAGES
        self.run, self.run_id = run, run_id
        return Stage(self)

    def conductor(self, _scenario: Any, _plan: Any, _stage: Any, run: RunDirectory, _progress: Progress) -> Any:
        return Conducted(self, run)


class Stage:
    def __init__(self, parts: Parts) -> None:
        self.start = lambda: parts.act("start")
        self.save_logs = lambda: parts.act("logs")
        self.close = lambda: parts.act("close")

    def redact(self, text: str) -> str:
        return text.replace(SECRET, "***")


class Conducted:
    def __init__(self, parts: Parts, run: RunDirectory) -> None:
        self._parts, self._run = parts, run
        self.rest = lambda: parts.act("rest")

    def drive(self) -> None:
        self._run.event("phase", "load", "begin")
        self._run.event("phase", "playbook", "begin")
        self._run.event("step", "stop v2", "begin", program="playbook")
        self._run.append(Published("a", "task", None, 1, "tasks", now(), now(), now(), "ok"))
        self._parts.act("drive")
        self._run.event("step", "stop v2", "end", program="playbook", exit_code=0)
        self._run.event("phase", "playbook", "end", exit_code=0)

    def collect(self) -> None:
        self._run.event("phase", "collect", "begin")
        self._parts.act("collect")
        self._run.event("phase", "load", "end")
        self._run.append(Effect("a", "a", "v1", "workers.v1.1", now(), "calls"))
        self._run.touch("leftovers")
        self._run.touch("wire")
        self._run.event("phase", "collect", "end")


class Drill:
    """One drill, and all that can be seen of it."""

    def __init__(self, folder: Path) -> None:
        (folder / "scenario.yaml").write_text(SCENARIO)
        (folder / "mine.sql").write_text(MINE)
        (folder / "rollback.sh").write_text("#!/bin/bash\nstop_v2() { true; }\nstop_v2\n")
        (folder / "rollback.sh").chmod(0o755)
        self.folder, self.parts, self.words = folder, Parts(), Words()

    def run(self, **more: Any) -> Drilled:
        return run_drill(self.folder / "scenario.yaml", 7, self.folder / "out", progress=self.words, **more)

    def fails(self, part: str, error: BaseException) -> None:
        def fail() -> None:
            raise error

        self.parts.does[part] = fail

    def killed(self, part: str, *signals: int) -> None:
        self.parts.does[part] = lambda: [os.kill(os.getpid(), number) for number in signals]


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drill:
    made = Drill(tmp_path)
    monkeypatch.setattr(module, "Stage", made.parts.stage)
    monkeypatch.setattr(module, "Conductor", made.parts.conductor)
    monkeypatch.setattr(module, "ensure_images", lambda *_: IMAGES)
    return made


ALL = ["start", "drive", "rest", "collect", "logs", "close"]


def timeline(drilled: Drilled) -> list[tuple[str, str, str]]:
    lines = (drilled.run_directory / "timeline.jsonl").read_text().splitlines()
    return [(event["event"], event["name"], event["state"]) for event in map(json.loads, lines)]


def test_a_drill_goes_from_its_file_to_its_verdict_and_cleans_up(drill: Drill) -> None:
    drilled = drill.run()
    assert drill.parts.log == ALL
    assert drill.words.said == ["images", "stage", "judge"]
    assert drilled.judgement is not None
    assert (drilled.judgement.verdict.value, drilled.exit_code, drilled.error) == ("held", 0, None)
    assert drilled.report == drilled.run_directory / "report.html"
    assert timeline(drilled)[:2] == [("phase", "stage", "begin"), ("phase", "stage", "end")]
    assert drill.parts.run_id.startswith(f"{drilled.run_directory.name.lower()}-")


def test_its_directory_holds_what_was_known_before_anything_started(drill: Drill) -> None:
    drilled = drill.run()
    kept = drilled.run_directory
    assert kept.parent == drill.folder / "out" / drill.folder.name
    assert kept.name.endswith("-7")
    assert (kept / "scenario.yaml").read_text() == SCENARIO
    assert (kept / "invariants" / "mine.sql").read_text() == MINE
    assert json.loads((kept / "plan.json").read_text())["seed"] == 7
    assert json.loads((kept / "environment.json").read_text())["run_id"] == drill.parts.run_id


def test_it_says_how_to_run_it_again_with_what_was_changed(drill: Drill) -> None:
    drilled = drill.run(changes=parse_changes(["load.rate=2/s"]))
    assert drilled.replay.endswith("scenario.yaml --seed 7 --set=load.rate=2/s")
    assert drilled.replay.startswith("drillbook run ")
    assert "rate: 2/s" in (drilled.run_directory / "scenario.yaml").read_text()


def test_without_an_output_it_is_a_folder_of_this_one(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(drill.folder)
    drilled = run_drill(drill.folder / "scenario.yaml", 7)
    assert drilled.run_directory.parent == Path("reports") / drill.folder.name


FAILS = {
    "start": ["start", "logs", "close"],
    "drive": ["start", "drive", "collect", "logs", "close"],
    "rest": ALL,
    "collect": ALL,
    "logs": ALL,
    "close": ALL,
}


@pytest.mark.parametrize(("part", "log"), FAILS.items(), ids=FAILS)
def test_what_fails_keeps_nothing_from_being_collected_and_cleaned_up(drill: Drill, part: str, log: list[str]) -> None:
    drill.fails(part, HarnessError(f"no {part}, with {SECRET}.", "Try again."))
    drilled = drill.run()
    assert drill.parts.log == log
    assert (str(drilled.error), drilled.exit_code) == (f"no {part}, with ***. Try again.", 3)
    assert timeline(drilled)[-1] == ("note", "harness", "said")
    assert SECRET not in (drilled.run_directory / "timeline.jsonl").read_text()


def test_the_first_of_two_errors_is_the_drills_and_the_other_is_told(drill: Drill) -> None:
    drill.fails("drive", HarnessError("the broker went away."))
    drill.fails("close", HarnessError(f"a container stays: {SECRET}."))
    assert str(drill.run().error) == "the broker went away."
    assert "a container stays: ***." in drill.words.said


def test_a_defect_is_kept_for_whoever_mends_it(drill: Drill) -> None:
    drill.fails("drive", ValueError(f"no such {SECRET}"))
    drilled = drill.run()
    log = drilled.run_directory / "logs" / "harness.log"
    assert isinstance(drilled.error, DefectError)
    assert (drilled.error.message, drilled.exit_code) == ("internal error: ValueError('no such ***').", 70)
    assert str(log) in drilled.error.hint
    assert log.read_text().endswith("ValueError: no such ***\n")
    assert drill.parts.log[-1] == "close"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_drive_and_what_was_seen_is_kept(drill: Drill, number: int, code: int) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    drill.killed("drive", number)
    drilled = drill.run()
    assert drill.parts.log == ["start", "drive", "collect", "logs", "close"]
    assert (drilled.interrupted_by, drilled.exit_code, drilled.error) == (number, code, None)
    assert any(said.startswith("interrupted: ") for said in drill.words.said)
    assert drilled.judgement is not None
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_while_it_finishes_is_only_noted(drill: Drill) -> None:
    drill.killed("collect", signal.SIGINT)
    drilled = drill.run()
    assert drill.parts.log == ALL
    assert drilled.exit_code == 130


@pytest.mark.parametrize(("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_leaves_at_once(drill: Drill, monkeypatch: pytest.MonkeyPatch, second: int, code: int) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    drill.killed("collect", signal.SIGINT, second)
    drill.run()
    assert left == [code]


def test_containers_are_kept_where_that_was_asked_and_it_is_told_how_to_remove_them(drill: Drill) -> None:
    drill.run(keep=True)
    assert drill.parts.log == ALL[:-1]
    assert f"containers kept; remove them with drillbook clean {drill.parts.run_id}" in drill.words.said


def test_beside_the_main_thread_it_leaves_signals_alone(drill: Drill) -> None:
    found: list[Drilled] = []
    thread = threading.Thread(target=lambda: found.append(drill.run()))
    thread.start()
    thread.join()
    assert [drilled.exit_code for drilled in found] == [0]


@pytest.mark.parametrize("interrupted", [True, False])
def test_evidence_that_cannot_be_judged_is_the_second_thing_that_is_told(drill: Drill, interrupted: bool) -> None:
    if interrupted:
        drill.killed("drive", signal.SIGTERM)
    else:
        drill.fails("drive", HarnessError("the broker went away."))
    drill.parts.does["close"] = lambda: (drill.parts.run.path / "effects.jsonl").write_text("[]\n")
    drilled = drill.run()
    assert (drilled.judgement, drilled.report) == (None, None)
    assert any(said.startswith("not judged: ") for said in drill.words.said)
    assert drilled.exit_code == (143 if interrupted else 3)


def test_evidence_of_a_whole_drill_that_cannot_be_judged_is_an_error(drill: Drill) -> None:
    drill.parts.does["close"] = lambda: (drill.parts.run.path / "effects.jsonl").write_text("[]\n")
    with pytest.raises(Exception, match=r"effects\.jsonl:1: "):
        drill.run()


def test_two_drills_of_one_second_have_directories_of_their_own(drill: Drill) -> None:
    made = {drill.run().run_directory for _ in range(3)}
    assert len(made) == 3


def test_a_directory_that_cannot_be_made_is_an_error_and_nothing_was_started(drill: Drill) -> None:
    (drill.folder / "out").write_text("a file")
    with pytest.raises(HarnessError, match=r"cannot make the run directory .*out"):
        drill.run()
    assert drill.parts.log == []


def test_a_seed_is_drawn_from_many() -> None:
    drawn = {new_seed() for _ in range(50)}
    assert len(drawn) > 40
    assert all(0 <= seed < 1_000_000 for seed in drawn)
