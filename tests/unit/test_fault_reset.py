"""Resets in the scenario file and before the judge; that a connection is reset is asked of a real one in ``tests/drills/test_stage.py``."""

from pathlib import Path

from histories import history
from scenario_folder import SOUND, said, sound_folder

from drillbook.api import judge
from drillbook.scenario import FaultSpec

SLOW = "latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}"
DONE = ("publish a ok", "effect a")
RESET = {"name": "gone", "reset": {"link": "workers.v2.1 -> broker"}, "at": "1s"}
STOOD = [f"fault gone {state} on workers.v2.1 -> broker" for state in ("begin", "took_effect", "end", "cleared")]


def test_a_reset_needs_no_more_than_its_link(tmp_path: Path) -> None:
    assert said(sound_folder(tmp_path / "drill"), SOUND.replace(SLOW, "reset: {link: workers.v2 -> broker}")) == []


def test_it_ends_the_connection_of_a_message_that_is_held_for_it() -> None:
    entry = FaultSpec.model_validate(RESET | {"reset": {"link": "workers.v2.1 -> broker", "after": "1s"}})
    assert entry.fault.severs


def test_it_has_met_whom_a_connection_was_taken_from() -> None:
    run = history(*DONE, "open v2", *STOOD, sections={"faults": [RESET]}, empty=["wire"])
    assert judge(run).preconditions == ()


def test_it_has_met_nobody_where_nobody_was_connected() -> None:
    run = history(*DONE, *STOOD, sections={"faults": [RESET]}, empty=["wire"])
    (reason,) = judge(run).preconditions
    assert reason.startswith('the fault "gone" met nobody: nobody was connected, or came to connect, over workers.v2.1 -> broker')
