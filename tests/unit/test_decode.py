"""From what was captured and what remains to what a worker is asked, and from what it answers to evidence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pika import frame, spec
from scenario_folder import SOUND, said, sound_folder
from small_run import opened

from drillbook.core.errors import UsageError
from drillbook.decode.answers import LONGEST_REASON, Answers
from drillbook.decode.compatibility import as_answered, asked_again
from drillbook.decode.messages import Captured, Messages, SeenMessage, captured
from drillbook.validation.loader import load_run

WORKER = Path(__file__).parents[2] / "scenarios" / "worker" / "worker.py"


def message(task: str = "a", queue: str = "q", body: bytes = b"{}", **more: Any) -> SeenMessage:
    properties = spec.BasicProperties(message_id=task, type="charge", headers={"version": "v2", **more.pop("headers", {})})
    return SeenMessage(
        **{"seen": "delivered", "at": 7, "task": task, "queue": queue, "properties": properties, "body": body, "to_version": "v1"} | more
    )


def written(folder: Path, *messages: SeenMessage, most: int = 1 << 20) -> tuple[Messages, list[dict[str, Any]]]:
    file = Messages(folder / "messages.jsonl", most)
    for one in messages:
        file.add(one)
    file.close()
    return file, [json.loads(line) for line in file.path.read_text().splitlines()]


def line(event: str, **more: Any) -> str:
    return json.dumps({"at": 1, "event": event, **more}) + "\n"


def delivery(body: bytes = b"{}", **more: Any) -> str:
    header = frame.Header(1, len(body), spec.BasicProperties(message_id="a", headers={"n": 1})).marshal()[7:-1]
    return line("message", header=b64encode(header).decode(), body=b64encode(body).decode(), task="a", **more)


def read(folder: Path, *lines: str) -> tuple[Captured, list[SeenMessage]]:
    path, found = folder / "captured.jsonl", Captured()
    path.write_text("".join(lines))
    messages = list(captured(path, found))
    return found, messages


def test_a_message_is_written_as_a_worker_sees_it(tmp_path: Path) -> None:
    _, [content] = written(tmp_path, message(body=b"\xff"))
    assert content["properties"] == {"message_id": "a", "type": "charge", "headers": {"version": "v2"}}
    assert b64decode(content["body"]) == b"\xff"


def test_what_is_said_of_a_message_is_where_it_was_seen_its_type_and_its_version(tmp_path: Path) -> None:
    file, _ = written(tmp_path, message())
    assert file.about == {
        1: {"seen": "delivered", "at": 7, "task": "a", "queue": "q", "to_version": "v1", "type": "charge", "version": "v2"}
    }


def test_a_redelivery_is_not_written_again(tmp_path: Path) -> None:
    _, lines = written(tmp_path, message(), message(headers={"x-delivery-count": 2, "x-death": []}))
    assert len(lines) == 1


@pytest.mark.parametrize(
    "other", [{"queue": "p"}, {"body": b"[]"}, {"to_version": "v2"}, {"seen": "remaining"}, {"headers": {"n": 1}}, {"task": "b"}]
)
def test_another_place_or_another_content_is_another_line(tmp_path: Path, other: dict[str, Any]) -> None:
    _, lines = written(tmp_path, message(), message(**other))
    assert [content["message"] for content in lines] == [1, 2]


def test_header_values_that_json_has_no_word_for_are_written_all_the_same(tmp_path: Path) -> None:
    _, [content] = written(tmp_path, message(headers={"at": datetime(2026, 1, 1, tzinfo=UTC), "raw": b"\xff"}))
    assert content["properties"]["headers"] == {"version": "v2", "at": 1767225600, "raw": "\\xff"}


def test_above_the_bound_nothing_is_written_and_it_says_so(tmp_path: Path) -> None:
    file, lines = written(tmp_path, message(), message("b", body=b"x" * 2000), most=1000)
    assert file.full
    assert len(lines) == len(file.about) == 1


def test_a_captured_delivery_is_read_with_its_properties(tmp_path: Path) -> None:
    found, [one] = read(tmp_path, line("begin"), delivery(queue="q", peer="workers.v1.1", version="v1"), line("end"))
    assert (one.properties.message_id, one.properties.headers, one.body, one.to_version) == ("a", {"n": 1}, b"{}", "v1")
    assert found.problem() == ""


PROBLEMS = {
    "full": ([line("begin"), line("full"), line("end")], "the bound of decode.most was reached, and no more messages were kept"),
    "killed": ([line("begin"), delivery()], "the wire tap was not seen to end, so that messages may be missing"),
    "too large": ([line("begin"), line("message", size=9), line("end")], "1 messages were too large to be kept"),
    "never begun": ([], ""),
}


@pytest.mark.parametrize(("lines", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_capture_that_is_not_whole_says_why(tmp_path: Path, lines: list[str], problem: str) -> None:
    assert read(tmp_path, *lines)[0].problem() == problem


def test_a_line_that_a_dying_tap_cut_short_is_passed_over(tmp_path: Path) -> None:
    assert len(read(tmp_path, line("begin"), delivery(), delivery()[:30])[1]) == 1


ABOUT = {1: {"seen": "remaining", "at": 7, "task": "a"}, 2: {"seen": "remaining", "at": 8, "task": "b"}}


def test_an_answer_becomes_evidence_with_what_is_known_of_its_message() -> None:
    found = Answers("v1", ABOUT).take('{"message": 2, "decoded": false, "reason": "no handler"}')
    assert found is not None
    assert (found.message, found.by, found.ok, found.task, found.reason) == (2, "v1", False, "b", "no handler")


def test_a_reason_is_cut_and_never_missing() -> None:
    answers = Answers("v1", ABOUT)
    [long, none] = [
        answers.take(json.dumps({"message": number, "decoded": False, "reason": why})) for number, why in ((1, "x" * 999), (2, ""))
    ]
    assert long is not None
    assert none is not None
    assert (len(long.reason or ""), none.reason) == (LONGEST_REASON, "it does not say why")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "starting …",
        "[]",
        "7",
        '{"message": 3, "decoded": true}',
        '{"message": 1, "decoded": "yes"}',
        '{"message": true, "decoded": true}',
    ],
)
def test_what_is_no_answer_is_passed_over(text: str) -> None:
    assert Answers("v1", ABOUT).take(text) is None


def test_only_the_first_answer_to_a_message_counts() -> None:
    answers = Answers("v1", ABOUT)
    answers.take('{"message": 1, "decoded": false}')
    assert answers.take('{"message": 1, "decoded": true}') is None


def test_what_was_not_answered_is_counted() -> None:
    answers = Answers("v1", ABOUT)
    answers.take('{"message": 1, "decoded": true}')
    assert answers.problem() == "the v1 worker answered 1 of 2 messages"
    answers.take('{"message": 2, "decoded": true}')
    assert answers.problem() == ""


def test_a_run_in_which_nobody_was_asked_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("{title: t, invariants: {no_lost_tasks: }}")
    (tmp_path / "plan.json").write_text("{}")
    scenario = load_run(tmp_path)
    with pytest.raises(UsageError, match=r"nobody was asked in .*: it has no decoded\.jsonl\. A scenario with the key decode"):
        as_answered(opened(tmp_path))
    with pytest.raises(UsageError, match=r"has no messages\.jsonl: its drill kept no messages"):
        asked_again(tmp_path, scenario, "worker:1")


BODIES = {
    "its own shape": ('{"type": "charge", "amount_cents": 5}', None),
    "its other shape": ('{"type": "charge", "amount": "5", "currency": "EUR"}', None),
    "a type without fields": ('{"type": "notify"}', None),
    "half a shape": ('{"type": "charge", "amount": "5"}', "a charge without amount_cents"),
    "another type": ('{"type": "refund"}', "no handler for tasks of type refund"),
    "no JSON": ("pickle", "the body is not JSON"),
}


@pytest.mark.parametrize(("body", "reason"), BODIES.values(), ids=BODIES)
def test_the_reference_worker_says_what_it_can_decode(tmp_path: Path, body: str, reason: str | None) -> None:
    file, _ = written(tmp_path, message(body=body.encode()))
    environment = os.environ | {"SHAPES": "charge:amount_cents charge:amount,currency notify"}
    with file.path.open() as questions:
        done = subprocess.run(
            [sys.executable, WORKER, "--decode"], stdin=questions, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
    [answer] = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer == {"message": 1, "decoded": reason is None} | ({"reason": reason} if reason else {})


WHOM = "decode: {by: v1, command: [python3, /app/worker.py, --decode]}\n"
ASKED = {
    "the old version": (WHOM, []),
    "nobody": ("", ["37:3: decodable needs answers of a worker: say with decode which version is asked, and how"]),
    "a version that is not there": (WHOM.replace("v1", "v3"), ["35:14: there is no version v3; there are v1, v2"]),
    "without a command": ("decode: {by: v1, command: []}\n", ["35:27: command needs at least one entry"]),
}


@pytest.mark.parametrize(("decode", "expected"), ASKED.values(), ids=ASKED)
def test_a_scenario_that_wants_to_know_says_whom_to_ask(tmp_path: Path, decode: str, expected: list[str]) -> None:
    text = SOUND.replace("settle:", f"{decode}settle:").replace("invariants:\n", "invariants:\n  decodable:\n")
    assert said(sound_folder(tmp_path / "drill"), text) == expected
