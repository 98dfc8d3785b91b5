"""The load as the harness sees it: a child that is started, waited for, let go, stopped, and completed where it died."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.load import process as module
from drillbook.load.ledger import DIED
from drillbook.load.process import LoadProcess
from drillbook.load.settings import SETTINGS
from drillbook.plan import arrivals
from drillbook.scenario import Load

WITHIN = 60
LOAD = Load.model_validate({"rate": "10/s", "duration": "1s", "most": "1s"})
BEGIN = f"""
import json, os, signal, sys, time
told = json.loads(os.environ[{SETTINGS!r}])
control, report = told["control"], told["report"]
def says(word): os.write(report, word.encode() + b"\\n")
def hears():
    text = b""
    while not text.endswith(b"\\n"):
        more = os.read(control, 1)
        if not more: sys.exit(0)
        text += more
    return text.decode().split()
"""
OBEDIENT = f"{BEGIN}\nsays('ready')\nwhile hears()[0] != 'stop': pass\nsays('done')"
DEAF = f"{BEGIN}\nsays('ready')\nsignal.pause()"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets what the child runs, in place of Locust."""

    def runs(text: str) -> None:
        monkeypatch.setattr(module, "_command", lambda: [sys.executable, "-c", text])

    return runs


def process(folder: Path, **more: Any) -> LoadProcess:
    return LoadProcess(LOAD, 7, "amqp://drill:word@127.0.0.1:1/", folder, **more)


def lines(folder: Path) -> list[dict[str, Any]]:
    file = folder / "published.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_load_that_was_not_started_is_not_alive(tmp_path: Path) -> None:
    load = process(tmp_path)
    assert (load.alive, load.exit_code, load.pid) == (False, None, None)


def test_stopping_a_load_that_was_not_started_is_nothing(tmp_path: Path) -> None:
    load = process(tmp_path)
    load.stop(1)
    assert load.wait(0)


def test_a_child_that_is_ready_is_alive(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    with process(tmp_path) as load:
        load.wait_ready(WITHIN)
        assert load.alive
        assert load.exit_code is None
        assert load.pid not in (None, os.getpid())


def test_a_child_that_is_stopped_in_order_has_ended_well(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    load = process(tmp_path)
    load.start()
    load.wait_ready(WITHIN)
    load.stop(0)
    assert (load.alive, load.exit_code) == (False, 0)


def test_the_ledger_of_a_child_that_says_done_is_left_alone(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    load = process(tmp_path)
    load.start()
    load.wait_ready(WITHIN)
    load.go(1)
    load.stop(0)
    assert lines(tmp_path) == []


def test_stopping_twice_is_stopping_once(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    load = process(tmp_path)
    load.start()
    load.stop(0)
    load.stop(0)
    assert load.exit_code == 0


def test_what_is_said_reaches_the_child(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nsays('ready')\nopen('heard', 'w').write(' '.join([*hears(), *hears()]))\nsays('done')")
    load = process(tmp_path)
    load.start()
    load.go(12)
    load.stop(2.5)
    assert (tmp_path / "heard").read_text() == "go 12 stop 2.5"


def test_the_child_is_told_of_its_load_its_seed_and_where_the_ledger_is(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\njson.dump(told, open('told', 'w'))\nsays('ready')\nsays('done')")
    load = process(tmp_path, id_from="correlation_id", flags="127.0.0.1:5")
    load.start()
    assert load.wait(WITHIN)
    told = json.loads((tmp_path / "told").read_text())
    assert (told["seed"], told["ledger"], told["parent"]) == (7, str(tmp_path / "published.jsonl"), os.getpid())
    assert (told["id_from"], told["flags"]) == ("correlation_id", "127.0.0.1:5")


def test_the_child_has_variables_of_its_own_and_none_that_would_move_locust(
    tmp_path: Path, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUST_USERS", "9")
    child(f"{BEGIN}\njson.dump(dict(os.environ), open('told', 'w'))\nsays('done')")
    load = process(tmp_path, environment={"DRILLBOOK_RUN": "mine"})
    load.start()
    assert load.wait(WITHIN)
    told = json.loads((tmp_path / "told").read_text())
    assert told["DRILLBOOK_RUN"] == "mine"
    assert "LOCUST_USERS" not in told
    assert told["PATH"] == os.environ["PATH"]


def test_what_the_child_prints_is_in_its_log(tmp_path: Path, child: Callable[[str], None]) -> None:
    (tmp_path / "logs").mkdir()  # as a run directory has it
    child(f"{BEGIN}\nprint('to the one', flush=True)\nprint('to the other', file=sys.stderr)\nsays('done')")
    load = process(tmp_path)
    load.start()
    assert load.wait(WITHIN)
    assert (tmp_path / "logs" / "load.log").read_text() == "to the one\nto the other\n"


def test_a_child_that_dies_before_it_is_ready_is_told_with_its_exit_code(tmp_path: Path, child: Callable[[str], None]) -> None:
    child("import sys; sys.exit(3)")
    with process(tmp_path) as load, pytest.raises(HarnessError, match=r"^the load ended with exit code 3\.") as raised:
        load.wait_ready(WITHIN)
    assert str(tmp_path / "logs" / "load.log") in raised.value.hint


def test_a_child_that_does_not_get_ready_is_told_with_what_it_did_not_reach(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nhears()")
    with process(tmp_path) as load, pytest.raises(HarnessError, match=r"the load did not reach the broker within 0\.1 s"):
        load.wait_ready(0.1)


def test_a_child_with_a_flag_may_have_missed_the_flag_service(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nhears()")
    gated = LOAD.model_copy(update={"gate": LOAD.model_validate({"rate": "1/s", "duration": "1s", "gate": GATE}).gate})
    with (
        LoadProcess(gated, 7, "amqp://x", tmp_path) as load,
        pytest.raises(HarnessError, match="did not reach the broker and flags within"),
    ):
        load.wait_ready(0.1)


GATE = {"flag": "f", "service": "flags", "types": {"task": "task"}}


def test_a_child_that_still_runs_is_not_waited_for_longer_than_said(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    with process(tmp_path) as load:
        assert not load.wait(0.05)
        assert load.alive


def test_a_child_that_does_not_end_is_killed(tmp_path: Path, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDS_WITHIN", 0.0)
    child(DEAF)
    load = process(tmp_path)
    load.start()
    load.wait_ready(WITHIN)
    load.stop(0.05)
    assert load.exit_code == -9


def test_the_ledger_of_a_child_that_died_is_completed(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nsays('ready')\nhears()\nos.kill(os.getpid(), 9)")
    load = process(tmp_path)
    load.start()
    load.wait_ready(WITHIN)
    load.go(1)
    assert load.wait(WITHIN)
    assert [line["task"] for line in lines(tmp_path)] == [arrival.task for arrival in arrivals(LOAD, 7)]
    assert {(line["outcome"], line["reason"]) for line in lines(tmp_path)} == {("unknown", DIED)}


def test_a_child_that_died_before_the_word_to_go_owes_nothing(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nsays('ready')\nos.kill(os.getpid(), 9)")
    load = process(tmp_path)
    load.start()
    assert load.wait(WITHIN)
    assert lines(tmp_path) == []


def test_words_to_a_dead_child_are_lost_without_an_error(tmp_path: Path, child: Callable[[str], None]) -> None:
    child("")
    load = process(tmp_path)
    load.start()
    assert until(lambda: not load.alive, WITHIN)
    load.go(1)
    load.stop(0)
    assert load.exit_code == 0


def test_a_ledger_that_cannot_be_completed_is_told(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nsays('ready')\nhears()\nos.kill(os.getpid(), 9)")
    (tmp_path / "published.jsonl").mkdir()
    load = process(tmp_path)
    load.start()
    load.go(1)
    with pytest.raises(HarnessError, match=r"the load died, and .*published\.jsonl cannot be completed: Is a directory"):
        load.wait(WITHIN)


def test_a_load_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_command", lambda: [str(tmp_path / "missing")])
    with pytest.raises(HarnessError, match="the load cannot be started"):
        process(tmp_path).start()


def test_no_descriptor_is_left_open(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(OBEDIENT)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with process(tmp_path) as load:
        load.wait_ready(WITHIN)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_the_child_ends_when_its_lifeline_does(tmp_path: Path, child: Callable[[str], None]) -> None:
    child(f"{BEGIN}\nsays('ready')\nhears()")
    load = process(tmp_path)
    load.start()
    load.wait_ready(WITHIN)
    os.close(load._commands)
    load._commands = -1
    assert until(lambda: not load.alive, WITHIN)
    assert load.exit_code == 0
    os.close(load._reports)


# The real child, without a broker


def test_locust_ends_by_itself_when_it_is_stopped_before_it_reached_the_broker(tmp_path: Path) -> None:
    load = process(tmp_path)
    load.start()
    log = tmp_path / "logs" / "load.log"
    assert until(lambda: "no connection" in log.read_text(), WITHIN)
    load.stop(0)
    assert load.exit_code == 0
    assert "Traceback" not in log.read_text()


def test_a_load_whose_ledger_cannot_be_written_says_so_and_fails(tmp_path: Path) -> None:
    (tmp_path / "published.jsonl").mkdir()
    load = process(tmp_path)
    load.start()
    assert load.wait(WITHIN)
    assert load.exit_code == 3
    assert "the load cannot go on" in (tmp_path / "logs" / "load.log").read_text()
