"""A stage started on an engine in memory: what is made with what environment, what is waited for, and the order of ending."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import DockerException
from standing_stage import Broker, Control, Database, Standing
from stub_engine import Container, RefusedError
from stub_stage import DRILL, drill

from drillbook.core.errors import HarnessError
from drillbook.engine import clean
from drillbook.engine.containers import Handle
from drillbook.engine.labels import VARIABLE
from drillbook.stage import stage as stage_module
from drillbook.stage.components import workers
from drillbook.stage.components.tap import TapComponent
from drillbook.stage.components.workers import WorkersComponent
from drillbook.stage.links import Link, Route
from drillbook.stage.stage import Stage
from drillbook.tap.rules import Rule

WHOLE: dict[str, Any] = {
    "stage": {
        "broker": {"queues": {"tasks": {}}, "plugins": ["rabbitmq_shovel"]},
        "database": {"init": "tables.sql"},
        "services": {
            "flags": {"image": "x", "port": 8016, "env": {"F": "1"}, "command": ["serve"], "folder": {"from": "flags", "to": "/etc/f"}}
        },
        "workers": {
            "v1": {"image": "x", "replicas": 2, "env": {"QUEUE": "tasks"}, "command": ["work"]},
            "v2": {"image": "x", "started": False},
            "beat": {"image": "x", "consumes": False},
        },
        "ready_within": "20s",
    },
    "effects": {"sources": {"calls": {"http": True}}},
    "load": {**DRILL["load"], "gate": {"flag": "f", "service": "flags", "types": {"task": "task"}}},
}


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standing:
    made = Standing(tmp_path, monkeypatch, drill(**WHOLE))
    made.stage.start()
    return made


def lean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Standing:
    """A stage of a broker and workers alone."""
    return Standing(folder, monkeypatch, drill())


PARTS = {
    "broker": "b",
    "database": "d",
    "toxiproxy": "t",
    "tap": "p",
    "sink": "p",
    "flags": "f",
    "workers.v1.1": "w1",
    "workers.v1.2": "w1",
    "workers.v2.1": "w2",
    "workers.beat.1": "w3",
}


def test_every_part_is_made_of_its_image(standing: Standing) -> None:
    assert {role: standing.made(role).image for role in PARTS} == PARTS
    assert len(standing.engine.found) == len(PARTS)


def test_a_lean_stage_has_no_more_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = lean(tmp_path, monkeypatch)
    standing.stage.start()
    roles = {name.removeprefix("drillbook-the-run-") for name in standing.engine.found}
    assert roles == {"broker", "toxiproxy", "tap", "workers.v1.1", "workers.v1.2", "workers.v2.1", "workers.v2.2"}


def test_every_part_that_runs_is_said_to_be_ready(standing: Standing) -> None:
    ready = {line.removesuffix(" ready") for line in standing.said if line.endswith(" ready")}
    assert ready == PARTS.keys() - {"workers.v2.1"}


def test_workers_are_made_when_the_topology_is_declared(standing: Standing) -> None:
    assert standing.said.index("topology declared") < standing.said.index("workers.v1.1 ready")
    assert standing.declared == [standing.stage.spec.broker]


def test_workers_that_the_deployment_starts_are_only_created(standing: Standing) -> None:
    assert (standing.made("workers.v1.1").status, standing.made("workers.v2.1").status) == ("running", "created")


def test_a_worker_is_told_who_it_is_and_where_its_links_are(standing: Standing) -> None:
    environment = standing.made("workers.v1.2").settings["environment"]
    assert {name: environment[name] for name in ("WORKER", "VERSION", "QUEUE")} == {
        "WORKER": "workers.v1.2",
        "VERSION": "v1",
        "QUEUE": "tasks",
    }
    assert {"AMQP_URL", "DATABASE_URL", "EFFECTS_URL", "FLAGS_ADDRESS"} <= environment.keys()
    assert standing.made("workers.v1.2").settings["command"] == ["work"]


def test_the_broker_gets_its_password_and_its_plugins(standing: Standing) -> None:
    made = standing.made("broker")
    user, password = (made.settings["environment"][f"RABBITMQ_DEFAULT_{name}"] for name in ("USER", "PASS"))
    assert f"{user}:{password}@" in standing.stage.load_amqp_url
    assert made.copied == ["/"]


def test_the_database_gets_its_password_and_its_tables(standing: Standing) -> None:
    environment = standing.made("database").settings["environment"]
    assert environment["POSTGRES_DB"] == "drill"
    assert environment["POSTGRES_PASSWORD"] == standing.made("broker").settings["environment"]["RABBITMQ_DEFAULT_PASS"]
    assert isinstance(standing.stage.database, Database)
    assert standing.stage.database.files == [(standing.stage.folder / "tables.sql").resolve()]


def test_a_database_without_tables_runs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(tmp_path, monkeypatch, drill(**{**WHOLE, "stage": {**WHOLE["stage"], "database": {}}}))
    standing.stage.start()
    assert standing.stage.database.files == []  # type: ignore[union-attr]


def test_a_further_server_gets_its_environment_its_command_and_a_copy_of_its_folder(standing: Standing) -> None:
    made = standing.made("flags")
    assert (made.settings["environment"], made.settings["command"]) == ({"F": "1"}, ["serve"])
    lent = str((standing.run.path / "services" / "flags").resolve())
    assert made.settings["volumes"] == {lent: {"bind": "/etc/f", "mode": "rw"}}


def test_the_tap_runs_before_all_else_with_its_settings(standing: Standing) -> None:
    made = standing.made("tap")
    assert made.settings["cpu_shares"] == 1 << 18
    assert made.settings["command"] == ["python3", "-m", "tap", "--config", "/evidence/tap/settings.json"]
    assert made.settings["user"] == f"{os.getuid()}:{os.getgid()}"
    settings = json.loads((standing.run.path / "tap" / "settings.json").read_text())
    assert [link["name"] for link in settings["links"]][:2] == ["load -> broker", "operator -> broker"]


def test_the_tap_keeps_no_messages_where_nothing_is_decoded(standing: Standing) -> None:
    settings = json.loads((standing.run.path / "tap" / "settings.json").read_text())
    assert settings.get("capture") is None


def test_the_tap_can_keep_messages_where_something_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(tmp_path, monkeypatch, drill(**WHOLE, decode={"by": "v1", "command": ["decode"]}))
    standing.stage.start()
    settings = json.loads((standing.run.path / "tap" / "settings.json").read_text())
    assert settings["capture"] is not None


def test_the_sink_knows_its_sources(standing: Standing) -> None:
    made = standing.made("sink")
    assert made.settings["command"] == ["python3", "-m", "sink", "--output", "/evidence/sink.jsonl", "--source", "calls"]
    binds = {mount["bind"]: mount["mode"] for mount in made.settings["volumes"].values()}
    assert binds == {"/evidence": "rw", "/opt/sink": "ro"}


def test_every_link_has_its_proxies_at_loopback_ports(standing: Standing) -> None:
    assert len(standing.routes) == len({route.listen for route in standing.routes}) == len(standing.made("toxiproxy").settings["ports"]) - 1
    assert standing.stage.link("workers.v1.1 -> broker").name == "workers.v1.1 -> broker"


def test_the_broker_s_client_is_told_where_it_is(standing: Standing) -> None:
    amqp, api, metrics = standing.stage.new_broker().urls  # type: ignore[attr-defined]
    assert (amqp.partition("://")[0], api.partition("://")[0], metrics.partition("://")[0]) == ("amqp", "http", "http")


def test_every_part_carries_the_run(standing: Standing) -> None:
    assert {container.labels["drillbook.run"] for container in standing.engine.found.values()} == {"the-run"}
    assert standing.engine.nets["drillbook-the-run"].attrs["Labels"]["drillbook.run"] == "the-run"


def test_what_becomes_of_its_own_containers_is_told_and_nothing_else(standing: Standing) -> None:
    standing.engine.happened = [
        {"Type": kind, "Action": action, "Actor": {"Attributes": {"drillbook.run": run}}}
        for kind, action, run in [("container", "die", "the-run"), ("container", "kill", "another"), ("network", "connect", "the-run")]
    ]
    assert [event["Action"] for event in standing.stage.container_events()] == ["die"]


def test_what_was_made_of_a_part_is_its_client(standing: Standing) -> None:
    stage = standing.stage
    assert isinstance(stage.broker, Broker)
    assert stage.sink is not None
    assert (stage.container("workers.v1.1").name, {each.name for each in stage.containers()}) == ("workers.v1.1", PARTS.keys())


def test_of_what_a_stage_has_not_there_is_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = lean(tmp_path, monkeypatch).stage
    assert (stage.database, stage.sink) == (None, None)


# What programs are told


def test_programs_are_told_of_the_run_and_of_its_containers(standing: Standing) -> None:
    told = standing.stage.environment()
    assert (told[VARIABLE], told["BROKER"], told["DATABASE"]) == ("the-run", "drillbook-the-run-broker", "drillbook-the-run-database")
    assert told["WORKERS_V1"] == "drillbook-the-run-workers.v1.1 drillbook-the-run-workers.v1.2"
    assert told["FLAGS_FOLDER"] == str((standing.run.path / "services" / "flags").resolve())


def test_what_becomes_of_the_run_s_containers_is_told_in_words_of_the_engine(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(standing.engine, "events", lambda **how: asked.append(how), raising=False)
    monkeypatch.setattr(stage_module, "connect", lambda: standing.engine)
    standing.stage.container_events()
    assert asked == [{"decode": True, "filters": {"type": "container", "label": "drillbook.run=the-run"}}]


def test_programs_keep_what_their_tools_need_and_nothing_else(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("MY_TOKEN", "secret")
    told = standing.stage.environment()
    assert told["HOME"] == "/home/me"
    assert "MY_TOKEN" not in told


def test_programs_of_a_lean_stage_are_told_of_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = lean(tmp_path, monkeypatch)
    standing.stage.start()
    assert "DATABASE" not in standing.stage.environment()


def test_the_load_is_told_of_the_flag_service_where_it_asks_one(standing: Standing) -> None:
    assert str(standing.stage.load_flags).startswith("127.0.0.1:4")


def test_the_load_is_told_of_no_flag_service_where_it_asks_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lean(tmp_path, monkeypatch).stage.load_flags is None


def test_the_password_is_in_no_text_that_was_redacted(standing: Standing) -> None:
    password = standing.made("broker").settings["environment"]["RABBITMQ_DEFAULT_PASS"]
    assert standing.stage.redact(f"a {password} word") == "a *** word"


# What goes wrong


def test_a_part_that_ends_while_it_starts_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = lean(tmp_path, monkeypatch)

    def ends(container: Container) -> None:
        if container.name.endswith("workers.v1.1"):
            container.status, container.said = "exited", b"no module named worker\n"
        else:
            standing.started(container)

    standing.engine.started = ends
    with pytest.raises(HarnessError, match=r"workers\.v1\.1 ended while it started: no module named worker"):
        standing.stage.start()


def test_a_part_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {**DRILL["stage"], "ready_within": "50ms"}
    standing = Standing(tmp_path, monkeypatch, drill(stage=slow))
    standing.engine.started = lambda _: None
    with pytest.raises(HarnessError, match=r"tap was not ready within 0\.05 s: it logged nothing") as raised:
        standing.stage.start()
    assert "ready_within" in raised.value.hint


def _silent(_: object) -> bool:
    return False


SILENT: dict[str, Callable[[Standing, pytest.MonkeyPatch], None]] = {
    "broker": lambda standing, patch: patch.setattr(Broker, "answers", _silent),
    "database": lambda standing, patch: patch.setattr(Database, "answers", _silent),
    "toxiproxy": lambda standing, patch: patch.setattr(Control, "answers", _silent),
    "tap": lambda standing, patch: standing.mute("tap"),
    "sink": lambda standing, patch: standing.mute("sink"),
    "flags": lambda standing, patch: patch.setattr(Link, "round_trip_seconds", lambda *_: None),
    "workers.v1.1": lambda standing, patch: standing.mute("workers.v1.1"),
}


@pytest.mark.parametrize("role", SILENT)
def test_each_part_is_waited_for_until_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    standing = Standing(tmp_path, monkeypatch, drill(**{**WHOLE, "stage": {**WHOLE["stage"], "ready_within": "500ms"}}))
    SILENT[role](standing, monkeypatch)
    with pytest.raises(HarnessError, match=rf"^{re.escape(role)} was not ready within 0\.5 s"):
        standing.stage.start()


BROKEN: dict[str, tuple[Exception, str]] = {
    "refuses": (RefusedError("no such image"), "the Docker engine refused: no such image."),
    "says no more than it must": (DockerException("no"), "the Docker engine refused: no."),
    "is gone": (requests.ConnectionError(), "the Docker engine stopped answering while the stage was started."),
}


@pytest.mark.parametrize(("error", "sentence"), BROKEN.values(), ids=BROKEN)
def test_an_engine_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str) -> None:
    standing = lean(tmp_path, monkeypatch)
    standing.engine.broken = error
    with pytest.raises(HarnessError) as raised:
        standing.stage.start()
    assert raised.value.message == sentence


def test_workers_are_stopped_and_no_other_part(standing: Standing) -> None:
    standing.engine.log.clear()
    standing.stage.stop_workers(7)
    assert sorted(standing.order("stop")) == [f"stop 7 workers.{name}" for name in ("beat.1", "v1.1", "v1.2")]


def test_schedulers_are_stopped_before_other_workers(standing: Standing) -> None:
    standing.wire(
        {"event": "publish", "at": 2, "peer": "workers.beat.1", "connection": 9, "channel": 1, "task": "mine", "routing_key": "tasks"}
    )
    standing.wire({"event": "alive", "at": 10**19})
    for event in ("deliver", "ack"):
        standing.wire(
            {"event": event, "at": 10**19, "peer": "workers.v1.1", "connection": 8, "channel": 1, "task": "mine", "queue": "tasks"}
        )
    standing.engine.log.clear()
    standing.stage.stop_workers(7)
    assert standing.order("stop")[0] == "stop 7 workers.beat.1"
    assert len(standing.order("stop")) == 3


SCHEDULED = {"peer": "workers.beat.1", "connection": 9, "channel": 1, "task": "mine", "routing_key": "tasks"}
HANDLED = {"peer": "workers.v1.1", "connection": 8, "channel": 1, "task": "mine", "queue": "tasks"}
STOPPED_AT = 10**19
DONE: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "the tap has told nothing since": ([{"event": "ack", "at": STOPPED_AT - 2, **HANDLED}], False),
    "done before, and the tap has told all until then": ([{"event": "ack", "at": STOPPED_AT, **HANDLED}], True),
    "what was made is not done": ([{"event": "alive", "at": STOPPED_AT + 1}], False),
    "done since": ([{"event": "alive", "at": STOPPED_AT + 1}, {"event": "ack", "at": STOPPED_AT + 2, **HANDLED}], True),
}


@pytest.mark.parametrize(("lines", "done"), DONE.values(), ids=DONE)
def test_what_schedulers_made_may_be_done_before_other_workers_are_stopped(
    standing: Standing, monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]], done: bool
) -> None:
    waited: list[tuple[bool, float]] = []
    monkeypatch.setattr(workers, "now", lambda: STOPPED_AT)
    monkeypatch.setattr(workers, "until", lambda condition, seconds: waited.append((condition(), seconds)))
    standing.wire({"event": "publish", "at": 2, **SCHEDULED})
    standing.wire({"event": "deliver", "at": 3, **HANDLED})
    for line in lines:
        standing.wire(line)
    standing.stage.stop_workers(7)
    assert waited == [(done, 7)]


ENDS: dict[str, Callable[[Stage], None]] = {"sink": Stage.stop_sink, "tap": Stage.stop_tap}


@pytest.mark.parametrize("role", ENDS)
def test_what_writes_evidence_is_ended_in_order(standing: Standing, role: str) -> None:
    standing.engine.log.clear()
    ENDS[role](standing.stage)
    assert standing.order() == [f"stop 10 {role}"]


@pytest.mark.parametrize("role", ENDS)
def test_what_is_not_there_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    standing = lean(tmp_path, monkeypatch)
    ENDS[role](standing.stage)
    assert standing.order() == []


def test_a_tap_that_does_not_run_has_disarmed_everything(standing: Standing) -> None:
    rule = Rule("a#1", "a", ("load -> broker",), "ack", "hold")
    assert not standing.stage.tap.disarmed(rule)
    standing.made("tap").status = "exited"
    assert standing.stage.tap.disarmed(rule)


def test_a_tap_that_is_not_there_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = lean(tmp_path, monkeypatch).stage
    assert not stage._the(TapComponent).runs(stage._run)


def test_every_log_is_saved_by_its_part(standing: Standing) -> None:
    password = standing.made("broker").settings["environment"]["RABBITMQ_DEFAULT_PASS"]
    standing.made("broker").said = f"it said {password}".encode()
    standing.stage.save_logs()
    assert {file.stem for file in (standing.run.path / "logs").glob("*.log")} == PARTS.keys()
    assert (standing.run.path / "logs" / "broker.log").read_text() == "it said ***"


def test_closing_ends_the_broker_s_client_and_removes_the_run(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    monkeypatch.setattr(clean, "remove_run", removed.append)
    standing.stage.close()
    assert removed == ["the-run"]
    assert standing.stage.broker.closed  # type: ignore[attr-defined]


def test_a_stage_that_never_started_can_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    monkeypatch.setattr(clean, "remove_run", removed.append)
    lean(tmp_path, monkeypatch).stage.close()
    assert removed == ["the-run"]


# Who used its links


def taken(standing: Standing, proxy: str, times: int = 1) -> None:
    for _ in range(times):
        standing.logs({"message": "Accepted client", "name": proxy})


def test_how_often_each_client_s_link_was_used_is_told_by_the_log_of_its_proxies(standing: Standing) -> None:
    taken(standing, "harness-to-broker", 5)
    taken(standing, "operator-to-broker", 2)
    taken(standing, "operator-to-broker-api", 3)
    taken(standing, "workers.v2.1-to-sink")
    uses = {use.link: use for use in standing.stage.link_uses()}
    planned = standing.stage._run.addresses.links
    assert set(uses) == {name for name in planned if not name.startswith("harness")}
    assert {link: (use.connections, use.own, use.refused) for link, use in uses.items() if use.connections} == {
        "operator -> broker": (5, 0, False),
        "workers.v2.1 -> sink": (1, 0, False),
    }


def test_what_is_logged_after_the_question_is_waited_for(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    last: list[Route] = []
    monkeypatch.setattr(standing, "proxied", last.append)
    log_lines, asked = Handle.log_lines, iter(range(9))

    def late(handle: Handle, **some: int) -> Iterator[str]:
        if next(asked) == 2:
            taken(standing, "operator-to-sink")
            Standing.proxied(standing, last[-1])
        return log_lines(handle, **some)

    monkeypatch.setattr(Handle, "log_lines", late)
    (use,) = [use for use in standing.stage.link_uses() if use.link == "operator -> sink"]
    assert use.connections == 1


def test_links_may_be_asked_about_again(standing: Standing) -> None:
    before = list(standing.stage.link_uses())
    taken(standing, "operator-to-sink")
    assert [use.link for use in standing.stage.link_uses() if use not in before] == ["operator -> sink"]


def test_proxies_that_were_started_again_tell_nothing(standing: Standing) -> None:
    standing.logs({"message": "Starting Toxiproxy"})
    with pytest.raises(HarnessError, match="tells of 2 starts"):
        list(standing.stage.link_uses())


# When a worker is at work


def at_work(standing: Standing, consumes: bool) -> bool:
    """Of the worker that was not started."""
    workers = {"v1": {"image": "x"}, "v2": {"image": "x", "consumes": consumes}}
    stage = standing.stage
    return WorkersComponent("workers.v2", drill(stage={**WHOLE["stage"], "workers": workers})).at_work(stage._run, "workers.v2.1")


def test_a_worker_is_at_work_when_it_consumes_from_a_queue_of_the_stage(standing: Standing) -> None:
    assert not at_work(standing, consumes=True)
    standing.wire({"event": "consume", "at": 1, "connection": 77, "channel": 1, "peer": "workers.v2.1", "queue": "tasks"})
    assert at_work(standing, consumes=True)


def test_a_worker_that_consumes_from_a_queue_of_its_own_is_not_yet_at_work(standing: Standing) -> None:
    standing.wire({"event": "consume", "at": 1, "connection": 77, "channel": 1, "peer": "workers.v2.1", "queue": "celery.pidbox"})
    assert not at_work(standing, consumes=True)


def test_a_worker_that_only_publishes_is_at_work_when_it_has_connected(standing: Standing) -> None:
    assert not at_work(standing, consumes=False)
    standing.wire({"event": "open", "at": 1, "connection": 77, "peer": "workers.v2.1"})
    assert at_work(standing, consumes=False)
