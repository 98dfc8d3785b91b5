"""A whole short drill through the command line, and what happens when things go wrong around it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import SHORT, Finished, Service, drillbook, run_drill

from drillbook.core.wait import until
from drillbook.engine import image_store
from drillbook.engine.clean import remains
from drillbook.engine.engine import connect
from drillbook.engine.labels import ROLE, RUN


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The short drill, run once."""
    reports = tmp_path_factory.mktemp("reports")
    return run_drill(SHORT, reports, "--seed", "11", "--junit-xml", str(reports / "for-ci" / "junit.xml"))


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the short drill with its text or its playbook changed."""

    def change(*replacements: tuple[str, str], playbook: str | None = None) -> Path:
        folder = tmp_path / "changed"
        folder.mkdir()
        worker = (SHORT.parent / "../../../scenarios/worker").resolve()
        text = SHORT.read_text().replace("../../../scenarios/worker", str(worker))
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (folder / "scenario.yaml").write_text(text)
        shutil.copy(SHORT.parent / "playbook.sh", folder)
        if playbook is not None:
            (folder / "playbook.sh").write_text(f"#!/usr/bin/env bash\n{playbook}")
        return folder

    return change


def test_a_drill_that_holds_exits_with_0_and_says_so(held: Finished) -> None:
    assert (held.exit_code, held.verdict["verdict"]) == (0, "held"), held.stdout + held.stderr


def test_the_seed_is_told_first_and_last_with_the_command_that_runs_it_again(held: Finished) -> None:
    lines = held.stderr.splitlines()
    assert "seed 11" in lines[0]
    assert "--seed 11" in lines[-1]


def test_a_run_leaves_every_file_that_is_documented(held: Finished) -> None:
    expected = {"scenario.yaml", "plan.json", "environment.json", "verdict.json", "report.html", "junit.xml"}
    expected |= {f"{stem}.jsonl" for stem in ("timeline", "published", "wire", "effects", "leftovers", "counters")}
    assert expected <= {path.name for path in held.run_directory.iterdir()}


def test_the_junit_report_is_where_ci_wants_it(held: Finished) -> None:
    assert (held.reports / "for-ci" / "junit.xml").read_bytes() == (held.run_directory / "junit.xml").read_bytes()


def test_a_run_leaves_nothing_running(held: Finished) -> None:
    run_id = json.loads((held.run_directory / "environment.json").read_text())["run_id"]
    assert [remain for remain in remains() if remain.run_id == run_id] == []


def test_a_fault_pinned_before_a_step_has_bitten_before_the_step_runs(held: Finished) -> None:
    story = [(event["event"], event["state"]) for event in held.timeline if event["name"] in ("the worker freezes", "look")]
    assert story[:4] == [("fault", "armed"), ("fault", "begin"), ("fault", "took_effect"), ("step", "begin")]
    assert ("fault", "cleared") in story


def test_what_the_machine_had_time_for_is_seen_until_the_stage_is_at_rest(held: Finished) -> None:
    shares = {event["at"]: event["value"] for event in held.timeline if (event["event"], event["name"]) == ("machine", "cpu")}
    assert len(shares) >= 3
    assert all(0 <= share <= 1 for share in shares.values())


def test_every_step_is_seen_as_it_starts_and_ends(held: Finished) -> None:
    steps = [(event["name"], event["state"], event.get("exit_code")) for event in held.timeline if event["event"] == "step"]
    assert steps == [("look", "begin", None), ("look", "end", 0), ("note it", "begin", None), ("note it", "end", 0)]


def test_the_wire_saw_every_confirmed_task_published_and_confirmed(held: Finished) -> None:
    wire = [json.loads(line) for line in (held.run_directory / "wire.jsonl").read_text().splitlines()]
    ledger = [json.loads(line) for line in (held.run_directory / "published.jsonl").read_text().splitlines()]
    confirmed = {line["task"] for line in ledger if line["outcome"] == "ok"}
    assert confirmed
    assert confirmed == {line["task"] for line in wire if line["event"] == "confirm"}
    assert confirmed <= {line["task"] for line in wire if line["event"] == "ack"}
    assert wire[-1]["event"] == "end"


def test_tasks_are_confirmed_until_after_the_end_of_the_playbook(held: Finished) -> None:
    (ended,) = [event["at"] for event in held.timeline if (event["event"], event["name"], event["state"]) == ("phase", "playbook", "end")]
    ledger = [json.loads(line) for line in (held.run_directory / "published.jsonl").read_text().splitlines()]
    assert any(line["intended_at"] > ended and line["outcome"] == "ok" for line in ledger)


def test_a_stored_run_can_be_judged_again_without_an_engine(held: Finished, tmp_path: Path) -> None:
    copy = shutil.copytree(held.run_directory, tmp_path / "copy")
    (copy / "verdict.json").unlink()
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere"}
    done = subprocess.run(drillbook("judge", copy), capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads((copy / "verdict.json").read_text())["verdict"] == "held"


WIDE_FAULTS = """\
policies:
      bounded: {pattern: "^tasks$", definition: {max-length: 100000}}
monitors:
  backlog: {queue_depth: tasks, above: 0}
  again: {redelivery_rate: tasks, above: 1000000}
  done: {query: select count(*) from effects, above: 0}
faults:
  - {name: slow, latency: {link: workers -> database, delay: 100ms}, when: done, for: 2s}
  - {name: silent, cut: {link: load -> broker, how: drop}, at: 1200ms, for: 1s}
  - {name: shut, cut: {link: workers -> broker, how: refuse}, before: {step: look}, for: 1s}
  - {name: reboot, restart: {target: broker}, after: {step: look}}
  - {name: frozen, pause: {target: workers.v1}, during: {step: note it}, for: 1s}
"""


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wide drill's scenario is, and what its playbook was told."""
    return tmp_path_factory.mktemp("wide")


@pytest.fixture(scope="module")
def wide(wide_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A drill with every kind of fault, every kind of moment, every source of a monitor, a policy and an invariant of its own.

    Its playbook prints its secrets, as a script with ``set -x`` or ``curl -v`` does.
    """
    folder = wide_folder
    policies, _, rest = WIDE_FAULTS.partition("monitors:")
    text = SHORT.read_text().replace("../../../scenarios/worker", str((SHORT.parent / "../../../scenarios/worker").resolve()))
    text = text[: text.index("faults:")] + "monitors:" + rest + "\n" + text[text.index("playbook:") :]
    text = text.replace("      tasks.dead: {}\n", f"      tasks.dead: {{}}\n    {policies}").replace(
        "rate: 60/s, duration: 4s", "rate: 60/s, duration: 8s"
    )
    text = text.replace("timeout: 2m", "timeout: 2m\n  hold: {note it: 200 confirmed}")
    text = text.replace("start: {at: 1s}", "start: {after: {tasks: 120 confirmed}}")
    (folder / "scenario.yaml").write_text(text + "  no_charge_by_v9: {version: v9}\n")
    (folder / "no_charge_by_v9.sql").write_text(
        "-- no_charge_by_v9: This version does nothing at all.\n-- needs: effects\n-- parameter version: text\n"
        "select task, 'it was done by ' || version as why from effects where version = $version\n"
    )
    playbook = folder / "playbook.sh"
    playbook.write_text(
        "#!/usr/bin/env bash\n"
        'look() { echo "$AMQP_URL" > told; cat told; env; curl -sv --max-time 5 "$RABBITMQ_API_URL/overview" 2>&1 | head -20; }\n'
        'note_it() { until [ "$(docker inspect -f "{{.State.Paused}}" $WORKERS_V1)" = true ]; do :; done; sleep 1; }\nlook\nnote_it\n'
    )
    playbook.chmod(0o755)
    return run_drill(folder, tmp_path_factory.mktemp("reports"), "--seed", "5")


def test_no_file_of_a_run_holds_a_password_though_the_playbook_prints_it(wide: Finished, wide_folder: Path) -> None:
    url = urlsplit((wide_folder / "told").read_text().strip())
    secrets = [str(url.password).encode(), b64encode(f"{url.username}:{url.password}".encode())]
    transcript = (wide.run_directory / "playbook" / "playbook.log").read_text()
    assert "amqp://drill:***@" in transcript
    assert "Basic ***" in transcript
    for path in filter(Path.is_file, wide.run_directory.rglob("*")):
        assert [secret for secret in secrets if secret in path.read_bytes()] == [], path
    assert not any(secret.decode() in wide.stdout + wide.stderr for secret in secrets)


def test_a_sound_worker_survives_every_kind_of_fault(wide: Finished) -> None:
    assert (wide.exit_code, wide.verdict["verdict"]) == (0, "held"), wide.stdout + wide.stderr


@pytest.mark.parametrize("fault", ["slow", "silent", "shut", "reboot", "frozen"])
def test_every_fault_is_written_down_before_it_acts_and_bites_and_lifts(wide: Finished, fault: str) -> None:
    states = [event["state"] for event in wide.timeline if event["event"] == "fault" and event["name"] == fault]
    assert states == ["armed", "begin", "took_effect", "end", "cleared"]


def test_a_fault_after_a_step_bites_before_the_next_step_begins(wide: Finished) -> None:
    story = [(event["name"], event["state"]) for event in wide.timeline]
    assert (
        story.index(("look", "end"))
        < story.index(("reboot", "begin"))
        < story.index(("reboot", "took_effect"))
        < story.index(("note it", "begin"))
    )


def test_a_fault_during_a_step_bites_before_the_step_ends(wide: Finished) -> None:
    story = [(event["name"], event["state"]) for event in wide.timeline]
    assert story.index(("note it", "begin")) < story.index(("frozen", "took_effect")) < story.index(("note it", "end"))


def test_a_step_is_held_until_its_tasks_are_there(wide: Finished) -> None:
    story = [(event["name"], event["state"]) for event in wide.timeline if event["name"] == "note it"]
    assert story[:3] == [("note it", "begin"), ("note it", "met"), ("note it", "begin")]
    (met,) = [event["at"] for event in wide.timeline if event["event"] == "wait" and event["state"] == "met"]
    ledger = [json.loads(line) for line in (wide.run_directory / "published.jsonl").read_text().splitlines()]
    assert sum(line["outcome"] == "ok" and line["resolved_at"] <= met for line in ledger) >= 200


@pytest.mark.parametrize("monitor", ["backlog", "again", "done"])
def test_every_source_of_a_monitor_gives_values(wide: Finished, monitor: str) -> None:
    assert any(event["event"] == "alert" and event["name"] == monitor and "value" in event for event in wide.timeline)


def test_an_invariant_of_the_users_own_is_judged_with_its_parameter(wide: Finished) -> None:
    (result,) = [result for result in wide.verdict["results"] if result["name"] == "no_charge_by_v9"]
    assert (result["verdict"], result["parameters"]) == ("held", {"version": "v9"})


def test_a_playbook_that_fails_is_broken_by_its_step(changed: Callable[..., Path], tmp_path: Path) -> None:
    folder = changed(playbook="set -e\nlook() { true; }\ngive_up() { echo sorry; exit 3; }\nlook\ngive_up\n")
    done = run_drill(folder, tmp_path / "reports")
    assert done.exit_code == 1, done.stderr
    (result,) = [result for result in done.verdict["results"] if result["name"] == "playbook_succeeded"]
    assert result["findings"][0]["step"] == "give up"


def test_a_playbook_that_hangs_is_ended_at_its_timeout_and_has_failed(changed: Callable[..., Path], tmp_path: Path) -> None:
    folder = changed(("timeout: 2m", "timeout: 2s"), playbook="look() { sleep 1000; }\nlook\n")
    done = run_drill(folder, tmp_path / "reports")
    assert done.exit_code == 1, done.stderr
    assert "sleep 1000" not in subprocess.run(["ps", "ax"], capture_output=True, text=True).stdout


IDLE = (
    ("      tasks.dead: {}\n", "      tasks.dead: {}\n      tasks.idle: {}\n"),
    (
        "env: {QUEUE: tasks}}\n",
        "env: {QUEUE: tasks}}\n    v2: {build: %s, env: {QUEUE: tasks.idle}, started: false}\n",
    ),
    ("faults:\n", "deployment: {run: ./deploy.sh, at: 0s, given_within: 2s}\n\nfaults:\n"),
)


@pytest.fixture
def idle(changed: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a short drill whose deployment starts a version that nobody gives a task."""

    def change(*replacements: tuple[str, str]) -> Path:
        worker = str((SHORT.parent / "../../../scenarios/worker").resolve())
        folder = changed(*((old, new.replace("%s", worker)) for old, new in IDLE), *replacements)
        (folder / "deploy.sh").write_text("#!/usr/bin/env bash\ndocker start $WORKERS_V2\n")
        (folder / "deploy.sh").chmod(0o755)
        return folder

    return change


def test_a_deployment_whose_version_is_given_no_task_leaves_nothing_to_roll_back(idle: Callable[..., Path], tmp_path: Path) -> None:
    done = run_drill(idle(), tmp_path / "reports")
    assert done.exit_code == 4, done.stderr
    decisions = [(event["state"], event["detail"]) for event in done.timeline if event["event"] == "decision"]
    why = "v2 was given no task yet"
    assert decisions[-2:] == [("waits", why), ("abandoned", f"the playbook never began: {why}")]
    assert not [event for event in done.timeline if event["event"] == "step" and event.get("program") == "playbook"]


def test_a_version_that_may_idle_is_rolled_back_all_the_same(idle: Callable[..., Path], tmp_path: Path) -> None:
    done = run_drill(idle(("at: 0s", "at: 0s, may_idle: true")), tmp_path / "reports")
    assert (done.exit_code, done.verdict["verdict"]) == (0, "held"), done.stdout + done.stderr


TOO_LATE = "faults:\n  - {name: too late, drop: {link: workers.v1 -> broker}, on: {wire: ack, nth: 100000}}\n"


def test_a_fault_whose_moment_never_comes_cannot_be_green(changed: Callable[..., Path], tmp_path: Path) -> None:
    folder = changed(("faults:\n", TOO_LATE), playbook="look() { true; }\nother() { true; }\nif false; then look; fi\nother\n")
    done = run_drill(folder, tmp_path / "reports")
    assert done.exit_code == 4, done.stderr
    wire = [json.loads(line) for line in (done.run_directory / "wire.jsonl").read_text().splitlines()]
    (disarmed,) = [line["seq"] for line in wire if line.get("reason") == "disarmed"]
    acks = sum(line["event"] == "ack" for line in wire if line["seq"] < disarmed)
    assert done.verdict["preconditions"] == [
        f'the fault "too late" never took effect: the 100000th ack on workers.v1.1 -> broker never passed: {acks} such messages passed',
        'the fault "the worker freezes" never began: before look never came',
    ]


@pytest.mark.parametrize("role", ["tap", "broker", "workers.v1.1"])
def test_a_container_that_dies_unasked_ends_the_drill_with_3_and_is_named(role: str, changed: Callable[..., Path], tmp_path: Path) -> None:
    # pid 1 of a container is killed from outside the engine, as a crash would end it; a fault waits for its message meanwhile.
    folder = changed(("faults:\n", TOO_LATE), playbook="look() { sleep 15; }\nlook\n")
    process = subprocess.Popen(
        drillbook("run", folder, "--output", tmp_path / "reports"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_for_line(process, "playbook: look")
    os.kill(_pid_of(tmp_path, role), signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 3, out + err
    assert f"{role} ended by itself" in err
    done = Finished(3, out, err, tmp_path / "reports")
    assert done.verdict["verdict"] == "inconclusive"
    assert not _left(done)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_drill_saves_cleans_up_and_judges_what_there_is(
    number: signal.Signals, exit_code: int, changed: Callable[..., Path], tmp_path: Path
) -> None:
    folder = changed(playbook="look() { sleep 15; }\nlook\n")
    process = subprocess.Popen(
        drillbook("run", folder, "--output", tmp_path / "reports"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_for_line(process, "playbook: look")
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert process.returncode == exit_code, out + err
    done = Finished(exit_code, out, err, tmp_path / "reports")
    assert done.verdict["verdict"] in ("inconclusive", "broken")
    assert (done.run_directory / "effects.jsonl").exists()
    assert not _left(done)


def test_a_killed_harness_leaves_a_readable_run_and_clean_removes_exactly_it(
    changed: Callable[..., Path], tmp_path: Path, foreign: list[str]
) -> None:
    folder = changed(playbook="look() { sleep 60; }\nlook\n")
    process = subprocess.Popen(
        drillbook("run", folder, "--output", tmp_path / "reports"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_for_line(process, "playbook: look")
    process.kill()
    process.communicate(timeout=300)
    done = Finished(-9, "", "", tmp_path / "reports")
    assert _left(done)
    cleaned = subprocess.run(drillbook("clean"), capture_output=True, text=True, timeout=300)
    assert cleaned.returncode == 0, cleaned.stderr
    assert not _left(done)
    assert [connect().containers.get(name).status for name in foreign] == ["running", "running"]
    checked = subprocess.run(drillbook("judge", done.run_directory), capture_output=True, text=True, timeout=300)
    assert checked.returncode in (1, 4), checked.stderr
    assert "Traceback" not in checked.stderr


@pytest.fixture
def foreign(broker: Service) -> Iterator[list[str]]:
    """A container of another run whose harness lives, and one that is nobody's: both running beside the drill."""
    image = image_store.ensure(["python"], print)["python"].reference
    nobodys = connect().containers.run(image, ["sleep", "300"], detach=True)
    yield [broker.container_name, str(nobodys.name)]
    nobodys.remove(force=True)


def _wait_for_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if words in line:
            return
    raise AssertionError(f"{words!r} never came:\n{''.join(seen)}")


def _pid_of(tmp_path: Path, role: str) -> int:
    (environment,) = (tmp_path / "reports").glob("*/*/environment.json")
    run_id = json.loads(environment.read_text())["run_id"]
    (container,) = connect().containers.list(filters={"label": [f"{RUN}={run_id}", f"{ROLE}={role}"]})
    return int(container.attrs["State"]["Pid"])


def _left(done: Finished) -> list[object]:
    run_id = json.loads((done.run_directory / "environment.json").read_text())["run_id"]

    def found() -> list[object]:
        return [remain for remain in remains() if remain.run_id == run_id]

    until(lambda: not found(), 1)
    return found()
