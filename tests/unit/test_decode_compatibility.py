"""What a version can decode of a stored run: as its worker answered, or as another image does now; a command of ours stands for that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import history
from small_run import opened

from drillbook.core.errors import HarnessError, UsageError
from drillbook.decode import worker
from drillbook.decode.compatibility import Found, as_answered, asked_again
from drillbook.engine.one_shot import Ended
from drillbook.validation.loader import load_run

LINES = ("publish a ok", "effect a", "publish b ok", "leftover b ready in q", "decode b that remains in q in vain")
STAGE = {"broker": {"queues": {"q": {}}}, "database": {}, "workers": {"v1": {"image": "x"}}}
SECTIONS = {"stage": STAGE, "decode": {"by": "v1", "command": ["decode", "it"], "within": "5s"}}
MESSAGE = {"seen": "remaining", "at": 7, "queue": "q", "properties": {"type": "charge"}, "body": "e30="}
IMAGE = "worker:2"

ANSWERED = {
    "all of it": ((), ""),
    "not all of it": (("incomplete decoded",), "decoded is incomplete: the tap died"),
    "all of it, and other evidence is not whole": (("incomplete timeline", "incomplete counters"), ""),
}


@pytest.mark.parametrize(("lines", "problem"), ANSWERED.values(), ids=ANSWERED)
def test_only_answers_that_are_missing_are_told(lines: tuple[str, ...], problem: str) -> None:
    assert as_answered(opened(history(*LINES, *lines))).problem == problem


def test_what_was_answered_in_the_drill_is_counted() -> None:
    [row] = as_answered(opened(history(*LINES))).rows
    assert (row.by, row.messages, row.decoded, row.reasons) == ("v1", 1, 0, ("no handler for it",))


class Again:
    """A run with two messages, about which another image is asked.

    Args:
        answered: the numbers of the messages that it can decode; to the others it says nothing.
        ended: what becomes of its command.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answered: tuple[int, ...], ended: Ended) -> None:
        self.run = history(*LINES, sections=SECTIONS)
        self.given: dict[str, Any] = {}
        lines = (json.dumps(MESSAGE | {"message": number, "task": task}) + "\n" for number, task in ((1, "a"), (2, "b")))
        (self.run / "messages.jsonl").write_text("".join(lines))

        def run(image: str, words: list[str], questions: Path, take: Callable[[str], object], **more: Any) -> Ended:
            self.given = {"image": image, "command": words, "questions": questions.read_text(), **more}
            for number in answered:
                take(json.dumps({"message": number, "decoded": True}))
            return ended

        monkeypatch.setattr(worker.one_shot, "run", run)

    def ask(self) -> Found:
        return asked_again(self.run, load_run(self.run), IMAGE)


def test_another_image_answers_in_the_place_of_the_recorded_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Again(monkeypatch, (1, 2), Ended(0, "")).ask()
    assert [(row.messages, row.decoded) for row in found.rows] == [(2, 2)]
    assert found.problem == ""


def test_another_image_is_asked_what_the_drill_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Again(monkeypatch, (1, 2), Ended(0, ""))
    again.ask()
    assert (again.given["image"], again.given["command"], again.given["within"]) == (IMAGE, ["decode", "it"], 5.0)
    assert again.given["questions"] == (again.run / "messages.jsonl").read_text()


def test_the_run_keeps_what_was_answered_in_its_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Again(monkeypatch, (1, 2), Ended(0, ""))
    before = {path.name: path.read_bytes() for path in again.run.iterdir() if path.is_file()}
    again.ask()
    assert {path.name: path.read_bytes() for path in again.run.iterdir() if path.is_file()} == before


def test_what_another_image_left_unanswered_is_told_beside_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Again(monkeypatch, (2,), Ended(None, "")).ask()
    assert [(row.messages, row.decoded) for row in found.rows] == [(1, 1)]
    assert found.problem == "the v1 worker answered 1 of 2 messages within 5 s"


def test_an_image_that_answers_nothing_is_an_error_with_how_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        HarnessError, match=r"answered 0 of 2 messages and ended with exit code 1: no such module\. .* with decode it, in w"
    ):
        Again(monkeypatch, (), Ended(1, "no such module")).ask()


def test_where_no_message_was_left_another_image_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Again(monkeypatch, (), Ended(0, ""))
    (again.run / "messages.jsonl").write_text("")
    assert again.ask() == Found((), "")


def test_a_scenario_that_does_not_say_how_a_worker_is_asked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    again = Again(monkeypatch, (), Ended(0, ""))
    (again.run / "scenario.yaml").write_text("{title: t, invariants: {no_lost_tasks: }}")
    with pytest.raises(UsageError, match=r"scenario\.yaml does not say how a worker is asked\. That is its key decode\."):
        again.ask()
