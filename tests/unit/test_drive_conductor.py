"""The conductor on a stage in memory, with real programs: what is started in which order, what ends a drill, and the order of stopping."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from stub_stage import DRILL, StubLoad, StubStage, drill, told

from drillbook.core.errors import HarnessError
from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drive import conductor as module
from drillbook.drive.conductor import Conductor
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.plan import make_plan
from drillbook.rabbitmq.metrics import Series

WITHIN = 60
COUNTER = Series("exchange_messages_published_total", None, "tasks")
SCRIPT = "#!/bin/bash\nstop_v2() { true; }\nstop_v2\n"
ENDLESS = "#!/bin/bash\nstop_v2() { touch runs; while true; do sleep 0.05; done; }\nstop_v2\n"


class Words(Progress):
    """What the person at the terminal is told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.notes: list[str] = []
        self.phases: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def phase(self, name: str, detail: str = "") -> None:
        self.phases.append(name)


@dataclass
class Drive:
    """A conductor, and all that it can be seen to do."""

    stage: StubStage
    load: StubLoad
    conductor: Conductor
    words: Words
    errors: list[BaseException] = field(default_factory=list)

    def told(self, event: str, *, detail: bool = False) -> list[str]:
        return told(self.stage.run, event, detail=detail)

    def whole(self) -> Drive:
        self.conductor.drive()
        self.conductor.rest()
        self.conductor.collect()
        return self

    def incomplete(self) -> list[str]:
        return [line.removesuffix(" from") for line in self.told("incomplete")]

    def metrics(self) -> list[tuple[str | None, str | None]]:
        """The edges at which the broker's counters were taken."""
        lines = [json.loads(line) for line in self.stage.run.file("metrics").read_text().splitlines()]
        return [(line["phase"], line["edge"]) for line in lines if "edge" in line]


def conducted(folder: Path, *, rollback: str = SCRIPT, deploy: str = SCRIPT, **changes: Any) -> Drive:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("rollback.sh", rollback), ("deploy.sh", deploy)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    scenario = drill(**changes)
    stage = StubStage(folder, scenario)
    stage.broker.counters[COUNTER] = 1.0
    words, publishers = Words(), StubLoad(stage)
    return Drive(stage, publishers, Conductor(scenario, make_plan(scenario, 1), stage, stage.run, words, publishers), words)


def once_it_runs(drive: Drive, act: Callable[[], object]) -> None:
    """Do something as soon as the endless program runs."""
    confirms, acted = drive.load.confirms, []

    def looked(count: int) -> None:
        confirms(count)
        if not acted and (drive.stage.folder / "runs").exists():
            acted.append(act())

    drive.load.confirms = looked  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(module, "HEAD_START_SECONDS", 0.0)


DEPLOYED = {"run": "./deploy.sh", "at": "0s", "may_idle": True}
AFTER_DEPLOYMENT = {"run": "./rollback.sh", "start": {"after": {"deployment": "end"}}}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """One drill from end to end, with deployment, playbook, and faults at several edges."""
    faults = [
        {"name": "early", "pause": {"target": "workers.v1.1"}, "at": "0s"},
        {"name": "pinned", "pause": {"target": "workers.v2.1"}, "before": {"step": "stop v2"}},
        {"name": "counted", "drop": {"link": "workers.v1.2 -> broker"}, "on": {"wire": "ack", "nth": 7}},
    ]
    drive = conducted(tmp_path_factory.mktemp("sound"), deployment=DEPLOYED, playbook=AFTER_DEPLOYMENT, faults=faults)
    drive.stage.remaining.append(Leftover("task-1", "tasks", "ready"))
    return drive.whole()


def test_the_phases_of_a_drill_come_in_their_order(sound: Drive) -> None:
    order = [
        *("drive begin", "load begin", "deployment begin", "deployment end", "playbook begin", "playbook end", "drive end"),
        *("load end", "settle begin", "settle end", "collect begin", "collect end"),
    ]
    assert [phase for phase in sound.told("phase") if phase != "load end"] == [phase for phase in order if phase != "load end"]


def test_the_load_ends_after_the_playbook_and_before_the_stage_settles(sound: Drive) -> None:
    phases = sound.told("phase")
    assert phases.index("playbook end") < phases.index("load end") < phases.index("settle begin")


def test_the_load_is_started_waited_for_let_go_and_stopped_once(sound: Drive) -> None:
    assert sound.load.said == ["start", "wait 20", "go", "stop 10"]


def test_everything_stops_in_its_order(sound: Drive) -> None:
    ends = ["stop load", "unpause workers.v1.1", "unpause workers.v2.1", "stop workers", "stop sink", "leftovers", "stop tap"]
    done = [act for act in sound.stage.log if act in ends]
    assert [act for act in done if not act.startswith("unpause")] == [act for act in ends if not act.startswith("unpause")]
    assert max(done.index(act) for act in done if act.startswith("unpause")) < done.index("stop workers")


def test_the_decision_is_written_with_its_reason(sound: Drive) -> None:
    assert sound.told("decision", detail=True) == ["playbook started: after deployment end"]


def test_a_fault_of_a_step_bites_before_the_step_begins(sound: Drive) -> None:
    lines = [json.loads(line) for line in sound.stage.run.file("timeline").read_text().splitlines()]
    words = [f"{line['event']} {line['name']} {line['state']}" for line in lines]
    steps = [place for place, word in enumerate(words) if word == "step stop v2 begin"]
    assert words.index("fault pinned took_effect") < steps[-1]


def test_a_fault_of_a_step_does_not_take_effect_in_a_step_of_the_deployment_with_that_name(sound: Drive) -> None:
    lines = [json.loads(line) for line in sound.stage.run.file("timeline").read_text().splitlines()]
    words = [f"{line['event']} {line['name']} {line['state']}" for line in lines]
    assert words.index("fault pinned begin") > words.index("phase deployment end")


def test_a_fault_of_a_time_begins(sound: Drive) -> None:
    assert "early took_effect" in sound.told("fault")


def test_a_fault_at_a_message_counts_before_the_load_begins(sound: Drive) -> None:
    lines = [json.loads(line) for line in sound.stage.run.file("wire").read_text().splitlines()]
    armed = next(line["at"] for line in lines if line.get("reason") == "armed")
    assert armed < sound.load.started_at


def test_the_broker_s_counters_are_taken_at_the_edges_of_every_phase(sound: Drive) -> None:
    edges = [("load", "start"), ("deployment", "start"), ("deployment", "end"), ("playbook", "start"), ("playbook", "end")]
    edges += [("load", "end"), ("settle", "start"), ("settle", "end"), ("collect", "start")]
    assert sorted(map(str, sound.metrics())) == sorted(map(str, edges))


def test_what_is_declared_is_written_before_and_after(sound: Drive) -> None:
    moments = [json.loads(line)["moment"] for line in sound.stage.run.file("topology").read_text().splitlines()]
    assert list(dict.fromkeys(moments)) == ["before", "after"]


def test_what_rests_in_queues_is_collected(sound: Drive) -> None:
    assert [json.loads(line)["task"] for line in sound.stage.run.file("leftovers").read_text().splitlines()] == ["task-1"]


def test_a_sound_drill_is_incomplete_nowhere(sound: Drive) -> None:
    assert sound.incomplete() == []


def test_queues_are_counted_at_the_edges_of_a_step(sound: Drive) -> None:
    lines = [json.loads(line) for line in sound.stage.run.file("counters").read_text().splitlines()]
    assert {(line["step"], line["edge"]) for line in lines if "step" in line} == {("stop v2", "start"), ("stop v2", "end")}


def test_queues_are_counted_over_time_too(sound: Drive) -> None:
    lines = [json.loads(line) for line in sound.stage.run.file("counters").read_text().splitlines()]
    assert [line for line in lines if "step" not in line]


def test_the_person_is_told_of_the_phases_and_of_how_programs_ended(sound: Drive) -> None:
    assert sound.words.phases == ["drive", "settle", "collect"]
    assert [note.partition(" after")[0] for note in sound.words.notes if " ended " in note] == [
        "deployment ended with exit code 0",
        "playbook ended with exit code 0",
    ]


def test_the_end_of_a_program_is_written_with_its_exit_code(tmp_path: Path) -> None:
    drive = conducted(tmp_path, rollback="#!/bin/bash\nexit 7\n")
    drive.conductor.drive()
    lines = [json.loads(line) for line in drive.stage.run.file("timeline").read_text().splitlines()]
    assert [line["exit_code"] for line in lines if (line["event"], line["name"], line["state"]) == ("phase", "playbook", "end")] == [7]
    drive.conductor.collect()


def test_a_playbook_that_timed_out_is_told_so(tmp_path: Path) -> None:
    drive = conducted(tmp_path, rollback=ENDLESS, playbook={"run": "./rollback.sh", "start": {"at": "0s"}, "timeout": "100ms"})
    drive.conductor.drive()
    assert "playbook timeout" in drive.told("phase")
    assert any(note.startswith("playbook timed out after") for note in drive.words.notes)
    drive.conductor.collect()


# What ends a drill


def fails(drive: Drive, match: str) -> HarnessError:
    """Driving it fails; it is brought to its end all the same."""
    with pytest.raises(HarnessError, match=match) as raised:
        drive.conductor.drive()
    drive.conductor.collect()
    return raised.value


@pytest.mark.parametrize(("deploy", "fate"), [("#!/bin/bash\nexit 3\n", "ended with exit code 3"), (ENDLESS, "timed out")])
def test_a_deployment_that_failed_ends_the_drill(tmp_path: Path, deploy: str, fate: str) -> None:
    drive = conducted(tmp_path, deploy=deploy, deployment={**DEPLOYED, "timeout": "300ms"}, playbook=AFTER_DEPLOYMENT)
    fails(drive, f"the deployment {fate}, so there is nothing to roll back")
    assert "playbook begin" not in drive.told("phase")


def running(tmp_path: Path, **changes: Any) -> Drive:
    """A drill whose playbook goes on until it is stopped."""
    return conducted(tmp_path, rollback=ENDLESS, **changes)


def test_a_worker_that_dies_ends_the_drill_with_its_last_words(tmp_path: Path) -> None:
    drive = running(tmp_path)
    drive.stage.engine.tell("workers.v1.1", "die", exitCode="1")
    error = fails(drive, r"workers\.v1\.1 ended by itself \(exit code 1\) in the middle of the drill: the last words of workers\.v1\.1")
    assert error.hint == "If that is expected, say may_exit: true in stage.workers.v1."


def test_a_worker_that_may_exit_only_leaves_a_note(tmp_path: Path) -> None:
    stage = {**DRILL["stage"], "workers": {"v1": {"image": "x", "may_exit": True}}}
    drive = conducted(tmp_path, stage=stage)
    drive.stage.engine.tell("workers.v1.1", "die", exitCode="1")
    drive.whole()
    assert "workers.v1.1 ended by itself (exit code 1)" in drive.words.notes


def test_a_worker_that_somebody_stopped_ends_nothing(tmp_path: Path) -> None:
    drive = conducted(tmp_path)
    drive.stage.containers["workers.v1.1"].kill()
    drive.whole()
    assert "settle end" in drive.told("phase")


INCOMPLETE_AFTER = {"sink": ["effects"], "tap": ["wire"], "broker": []}


@pytest.mark.parametrize(("role", "incomplete"), INCOMPLETE_AFTER.items(), ids=INCOMPLETE_AFTER)
def test_a_part_that_dies_ends_the_drill_and_says_what_cannot_be_seen_from_then_on(
    tmp_path: Path, role: str, incomplete: list[str]
) -> None:
    drive = running(tmp_path)
    drive.stage.engine.tell(role, "die", exitCode="2")
    assert fails(drive, f"{role} ended by itself").hint == ""
    assert drive.incomplete()[: len(incomplete)] == incomplete


def test_an_engine_that_goes_away_ends_the_drill(tmp_path: Path) -> None:
    drive = running(tmp_path)
    drive.stage.engine.close()
    fails(drive, "the Docker engine stopped answering in the middle of the drill")


def test_a_load_that_dies_ends_the_drill_and_leaves_its_evidence_incomplete(tmp_path: Path) -> None:
    drive = running(tmp_path)
    drive.load.exit_code = 9
    fails(drive, "the load generator ended by itself")
    assert drive.incomplete()[0] == "published"


def test_a_load_that_ended_as_it_should_ends_no_drill(tmp_path: Path) -> None:
    drive = conducted(tmp_path)
    drive.load.exit_code = 0
    drive.whole()
    assert "published" not in drive.incomplete()


def test_a_fault_that_breaks_ends_the_drill(tmp_path: Path) -> None:
    drive = running(tmp_path, faults=[{"name": "it", "pause": {"target": "workers.v1.1"}, "at": "0s"}])
    del drive.stage.containers["workers.v1.1"]
    with pytest.raises(KeyError):
        drive.conductor.drive()
    drive.conductor.collect()


def test_what_fails_while_the_stage_settles_is_raised(tmp_path: Path) -> None:
    drive = conducted(tmp_path)
    drive.conductor.drive()
    drive.stage.engine.tell("broker", "die", exitCode="2")
    assert until(lambda: not drive.conductor._inbox.empty(), WITHIN)
    with pytest.raises(HarnessError, match="broker ended by itself"):
        drive.conductor.rest()
    drive.conductor.collect()


def test_nothing_that_dies_once_evidence_is_collected_is_the_drill_s(tmp_path: Path) -> None:
    drive = conducted(tmp_path).whole()
    drive.stage.engine.tell("broker", "die", exitCode="2")
    assert drive.conductor._inbox.empty()


# A drill that was ended early


@pytest.fixture(scope="module")
def ended_early(tmp_path_factory: pytest.TempPathFactory) -> Drive:
    """A drill of which a worker died, before it was brought to rest."""
    drive = conducted(tmp_path_factory.mktemp("early"), rollback=ENDLESS)
    once_it_runs(drive, lambda: drive.stage.engine.tell("workers.v1.1", "die", exitCode="1"))
    fails(drive, "ended by itself")
    return drive


def test_a_drill_that_never_rested_says_that_more_was_to_come(ended_early: Drive) -> None:
    assert ended_early.incomplete() == ["effects", "states", "handled", "leftovers", "decoded"]


def test_a_drill_that_never_rested_stops_its_load_all_the_same(ended_early: Drive) -> None:
    assert ended_early.load.said[-1] == "stop 10"


def test_a_drill_that_never_rested_has_an_end_of_its_drive(ended_early: Drive) -> None:
    assert "drive end" in ended_early.told("phase")


def test_a_playbook_that_still_runs_is_ended(ended_early: Drive) -> None:
    log = ended_early.stage.run.path / "playbook" / "playbook.log"
    assert until(lambda: "stopped by the drill" in log.read_text(), WITHIN)


def test_a_drill_that_was_interrupted_ends_its_load_once(tmp_path: Path) -> None:
    drive = conducted(tmp_path)
    drive.conductor.drive()
    drive.conductor.collect()
    assert drive.load.said.count("stop 10") == 1


# Alerts, rest, decoding

MONITORED = {"backlog": {"queue_depth": "tasks", "above": 10, "every": "20ms", "for": "0s"}}


def test_an_alert_starts_the_playbook_and_the_faults_that_wait_for_it(tmp_path: Path) -> None:
    drive = conducted(
        tmp_path,
        monitors=MONITORED,
        playbook={"run": "./rollback.sh", "start": {"when": "backlog", "no_later_than": "600s"}},
        faults=[{"name": "it", "pause": {"target": "workers.v1.1"}, "when": "backlog"}],
        load={**DRILL["load"], "most": "300s"},
    )
    drive.stage.broker.depths["tasks"] = 11
    drive.conductor.drive()
    assert drive.told("decision", detail=True) == ["playbook started: alert backlog"]
    assert "it begin" in drive.told("fault")
    assert "alert: backlog at 11" in drive.words.notes
    drive.conductor.collect()


def test_a_monitor_is_not_armed_before_the_deployment_has_ended(tmp_path: Path) -> None:
    monitors = {**MONITORED, "early": {**MONITORED["backlog"], "armed": "start"}}
    drive = conducted(tmp_path, monitors=monitors, deployment=DEPLOYED, playbook=AFTER_DEPLOYMENT)
    armed = {name: drive.conductor._is_armed(monitor) for name, monitor in drive.stage.scenario.monitors.items()}
    assert armed == {"backlog": False, "early": True}


def test_a_monitor_is_armed_once_the_deployment_has_ended(tmp_path: Path) -> None:
    drive = conducted(tmp_path, monitors=MONITORED, deployment=DEPLOYED, playbook=AFTER_DEPLOYMENT)
    drive.conductor.drive()
    assert drive.conductor._is_armed(drive.stage.scenario.monitors["backlog"])
    drive.conductor.collect()


def test_without_a_deployment_a_monitor_is_armed_from_the_start(tmp_path: Path) -> None:
    drive = conducted(tmp_path, monitors=MONITORED)
    assert drive.conductor._is_armed(drive.stage.scenario.monitors["backlog"])


def test_a_stage_that_finds_no_rest_says_why(tmp_path: Path) -> None:
    drive = conducted(tmp_path, settle={"within": "100ms", "quiet_for": "3600s"})
    drive.conductor.drive()
    drive.conductor.rest()
    assert "settle timeout" in drive.told("phase")
    assert any(note.startswith("not at rest after") for note in drive.words.notes)
    drive.conductor.collect()


def test_a_playbook_that_waits_says_for_what(tmp_path: Path) -> None:
    drive = conducted(tmp_path, deployment=DEPLOYED, deploy="#!/bin/bash\nsleep 0.5\n")
    drive.conductor.drive()
    assert drive.told("decision", detail=True)[0] == "playbook waits: the deployment has not ended"
    assert "the playbook waits: the deployment has not ended" in drive.words.notes
    drive.conductor.collect()


def test_a_drill_whose_tasks_never_come_is_abandoned(tmp_path: Path) -> None:
    playbook = {"run": "./rollback.sh", "start": {"after": {"tasks": "5 waiting in tasks"}}}
    drive = conducted(tmp_path, playbook=playbook, load={**DRILL["load"], "most": "50ms"})
    drive.conductor.drive()
    assert drive.told("decision", detail=True) == ["playbook abandoned: the playbook never began: 5 waiting in tasks never came"]
    drive.conductor.collect()


def test_a_drill_that_decodes_says_where_the_tap_kept_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = conducted(tmp_path, decode={"by": "v1", "command": ["decode"]})
    monkeypatch.setattr(drive.stage.tap, "capture", lambda: False)
    drive.conductor.drive()
    assert drive.incomplete() == ["decoded"]


def test_a_playbook_waits_until_the_version_that_was_deployed_is_given_a_task(tmp_path: Path) -> None:
    deployment = {**DEPLOYED, "may_idle": False}
    drive = conducted(
        tmp_path, deployment=deployment, playbook=AFTER_DEPLOYMENT, deploy="#!/bin/bash\nuntil [ -e go ]; do sleep 0.01; done\n"
    )
    confirms, acted = drive.load.confirms, set()

    def looked(count: int) -> None:
        confirms(count)
        if "deployment begin" in drive.told("phase") and "started" not in acted:
            acted.add("started")
            drive.stage.engine.tell("workers.v2.1", "start")
            (drive.stage.folder / "go").touch()
        if "playbook waits: v2 was given no task yet" in drive.told("decision", detail=True) and "given" not in acted:
            acted.add("given")
            for event in ("deliver", "ack"):
                drive.stage.tap_process.passes(event, "workers.v2.1", "task-1")

    drive.load.confirms = looked  # type: ignore[method-assign]
    drive.conductor.drive()
    assert acted == {"started", "given"}
    assert drive.told("decision")[-1] == "playbook started"
    drive.conductor.collect()


@pytest.mark.parametrize(("start_at", "slept"), [(5 * 10**9, 3.0), (10**9, 0.0)])
def test_the_drive_begins_with_the_first_arrival_and_not_before(monkeypatch: pytest.MonkeyPatch, start_at: int, slept: float) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "now", lambda: 2 * 10**9)
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    Conductor._wait_until(start_at)
    assert pauses == [slept]
