"""Asking a worker what it can decode, with a command of our own in place of its container."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pika import frame
from pika.spec import BasicProperties
from stub_stage import DRILL, drill, told

from drillbook.core.errors import HarnessError
from drillbook.decode import worker as module
from drillbook.decode.worker import Decoding
from drillbook.engine.one_shot import Ended
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.leftovers import Leftover

WORKERS = {"v1": {"image": "x", "env": {"MODE": "old", "WORKER": "mine"}}}
SCENARIO = drill(stage={**DRILL["stage"], "workers": WORKERS}, decode={"by": "v1", "command": ["decode"], "within": "5s"})


class Asked:
    """A decoding of one run, and what its command was given."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        command: Callable[[list[dict[str, Any]]], list[Any]],
        ended: Ended,
        most: int | None = None,
    ) -> None:
        self.run = RunDirectory(folder / "run")
        assert SCENARIO.decode is not None
        self.decoding = Decoding(self.run, SCENARIO.decode.model_copy(update={"most": most} if most else {}))
        self.given: dict[str, Any] = {}

        def run(image: str, words: list[str], questions: Path, take: Callable[[str], object], **more: Any) -> Ended:
            self.given = {"image": image, "command": words, **more}
            for answer in command([json.loads(line) for line in questions.read_text().splitlines()]):
                take(json.dumps(answer))
            return ended

        monkeypatch.setattr(module.one_shot, "run", run)

    def remains(self, *tasks: str) -> Asked:
        for task in tasks:
            self.decoding.remains(Leftover(task, "tasks", "ready"), BasicProperties(message_id=task), b"{}")
        return self

    def captured(self, *lines: dict[str, Any]) -> None:
        """The tap wrote these lines."""
        path = self.run.path / module.CAPTURED
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def ask(self) -> list[dict[str, Any]]:
        self.decoding.ask(SCENARIO, "an image", "the-run")
        return [json.loads(line) for line in self.run.file("decoded").read_text().splitlines()]

    def incomplete(self) -> list[str]:
        return told(self.run, "incomplete", detail=True)


def all_decoded(messages: list[dict[str, Any]]) -> list[Any]:
    return [{"message": message["message"], "decoded": True} for message in messages]


def none_decoded(_: list[dict[str, Any]]) -> list[Any]:
    return []


def test_every_message_that_rests_is_asked_about_and_its_answer_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, "")).remains("a", "b")
    assert [(line["task"], line["by"], line["ok"]) for line in asked.ask()] == [("a", "v1", True), ("b", "v1", True)]
    assert asked.incomplete() == []


def test_what_the_tap_captured_is_asked_about_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, "")).remains("a")
    header = frame.Header(1, 2, BasicProperties(message_id="b")).marshal()[7:-1]
    seen = {"event": "message", "at": 1, "task": "b", "version": "v1", "header": b64encode(header).decode(), "body": "e30="}
    asked.captured({"event": "begin"}, seen, {"event": "end"})
    assert [(line["task"], line["seen"]) for line in asked.ask()] == [("a", "remaining"), ("b", "delivered")]
    assert asked.incomplete() == []


def test_messages_beyond_the_bound_make_the_answers_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, ""), most=200).remains("a", "b")
    assert [line["task"] for line in asked.ask()] == ["a"]
    assert asked.incomplete() == ["decoded from: the bound of decode.most was reached"]


def test_a_worker_is_asked_in_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, "")).remains("a")
    asked.ask()
    assert asked.given["environment"] == {"WORKER": "mine", "VERSION": "v1", "MODE": "old"}
    assert (asked.given["image"], asked.given["command"], asked.given["within"]) == ("an image", ["decode"], 5.0)
    assert asked.given["labels"]["drillbook.role"] == "decode"


def test_where_nothing_rests_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, ""))
    assert (asked.ask(), asked.given, asked.incomplete()) == ([], {}, [])


def test_answers_are_kept_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    assert len(Asked(tmp_path, monkeypatch, all_decoded, Ended(0, "")).remains(*"abcde").ask()) == 5


FATES = {
    "it ended": (Ended(3, "first\nno such module"), "and ended with exit code 3: no such module"),
    "it said nothing": (Ended(3, ""), "and ended with exit code 3"),
    "its time was over": (Ended(None, "x"), "within 5 s"),
}


@pytest.mark.parametrize(("ended", "fate"), FATES.values(), ids=FATES)
def test_answers_that_are_missing_are_told_with_what_became_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: Ended, fate: str
) -> None:
    asked = Asked(tmp_path, monkeypatch, none_decoded, ended).remains("a")
    asked.ask()
    assert asked.incomplete() == [f"decoded from: the v1 worker answered 0 of 1 messages {fate}"]


def test_a_worker_that_cannot_be_asked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: list[dict[str, Any]]) -> list[Any]:
        raise HarnessError("no such image.")

    asked = Asked(tmp_path, monkeypatch, refused, Ended(0, "")).remains("a")
    asked.ask()
    assert asked.incomplete() == ["decoded from: the v1 worker could not be asked: no such image."]


def test_a_capture_that_is_not_whole_makes_the_answers_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(tmp_path, monkeypatch, all_decoded, Ended(0, "")).remains("a")
    asked.captured({"event": "begin"})
    asked.ask()
    assert asked.incomplete() == ["decoded from: the wire tap was not seen to end, so that messages may be missing"]
