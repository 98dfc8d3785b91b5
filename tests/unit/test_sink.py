"""The effect sink as a process: an answered call is in its file, a malformed one is told what it lacks."""

from __future__ import annotations

import http.client
import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drillbook import sink
from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.evidence.sink_file import SinkTail, calls
from drillbook.sink.record import BrokenError, Call, Record

PACKAGES = Path(sink.__file__).parent.parent
SECONDS = 20


class SinkProcess:
    """A sink on loopback."""

    def __init__(self, output: Path, sources: tuple[str, ...], limit: Callable[[], None] | None = None) -> None:
        named = [argument for source in sources for argument in ("--source", source)]
        command = [sys.executable, "-m", "sink", "--address", "127.0.0.1", "--port", "0", "--output", str(output), *named]
        self.output = output
        self.process = subprocess.Popen(command, cwd=PACKAGES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rsplit(maxsplit=1)[-1])

    def dial(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def call(self, task: str, key: str | None = None, path: str = "/", **headers: str) -> tuple[int, dict[str, Any]]:
        keyed = {"Idempotency-Key": key} if key is not None else {}
        return said(self.dial(), path, {"Task-Id": task, **keyed, **headers})

    def say(self, request: bytes) -> bytes:
        """Send octets as they are, and give what is answered until the sink closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.output.read_text().splitlines()]


def said(connection: http.client.HTTPConnection, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, dict[str, Any]]:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., SinkProcess]]:
    running: list[SinkProcess] = []

    def start(*sources: str, limit: Callable[[], None] | None = None) -> SinkProcess:
        running.append(SinkProcess(tmp_path / "sink.jsonl", sources or ("calls",), limit))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.communicate()


def test_an_answered_call_is_in_the_file_with_all_that_was_told(started):
    running = started()
    assert running.call("a", "k", Worker="workers.v1.1", Version="v1") == (201, {"number": 1, "repeated": False})
    running.end(signal.SIGKILL)
    told = {name: value for name, value in running.lines[-1].items() if name != "at"}
    assert told == {
        **{"seq": 2, "event": "call", "source": "calls", "task": "a", "key": "k"},
        **{"version": "v1", "worker": "workers.v1.1", "number": 1},
    }


def test_a_key_seen_before_is_answered_with_the_first_calls_number_and_recorded_again(started):
    running = started()
    running.call("a", "k")
    running.call("b", "other")
    assert running.call("a", "k") == (200, {"number": 1, "repeated": True})
    assert [line["task"] for line in running.lines if line["event"] == "call"] == ["a", "b", "a"]


def test_calls_without_a_key_are_each_an_effect_of_their_own(started):
    running = started()
    assert [running.call("a")[0], running.call("a")[0]] == [201, 201]


def test_a_key_belongs_to_its_source(started):
    running = started("charges", "mails")
    assert running.call("a", "k", path="/charges")[0] == 201
    assert running.call("a", "k", path="/mails")[0] == 201
    assert [line["source"] for line in running.lines if line["event"] == "call"] == ["charges", "mails"]


def test_a_call_to_a_source_that_is_not_there_is_told_which_there_are(started):
    status, content = started("charges", "mails").call("a", path="/mials")
    assert (status, content["error"]) == (404, "There is no source 'mials' here: POST to /charges or /mails.")


def test_a_call_without_a_task_is_told_what_it_lacks_and_not_recorded(started):
    running = started()
    status, content = said(running.dial(), "/", {"Idempotency-Key": "k"})
    assert (status, content["error"]) == (400, "A call needs the header Task-Id, the id of the task whose effect it is.")
    assert [line["event"] for line in running.lines] == ["start"]


@pytest.mark.parametrize("length", ["-1", "many", "²"])
def test_a_length_that_is_no_number_is_refused_in_a_sentence(started, length):
    request = f"POST / HTTP/1.1\r\nTask-Id: a\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
    answer = started().say(request)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length must be a whole number" in answer


def test_a_body_over_the_bound_is_refused_without_being_read(started):
    answer = started().say(b"POST / HTTP/1.1\r\nTask-Id: a\r\nContent-Length: 99999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_refused_because_nothing_bounds_it(started):
    answer = started().say(b"POST / HTTP/1.1\r\nTask-Id: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")


REFUSED = {
    "a length that is no number": b"Content-Length: many\r\n\r\n",
    "a body over the bound": b"Content-Length: 99999999\r\n\r\n",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("length", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("method", ["POST /", "PUT /echo"], ids=["called", "put"])
def test_after_a_body_of_unknown_length_nothing_of_its_connection_is_taken_for_a_call(started, method, length):
    running = started()
    call = b"POST / HTTP/1.1\r\nTask-Id: b\r\nContent-Length: 0\r\n\r\n"
    answer = running.say(f"{method} HTTP/1.1\r\nTask-Id: a\r\n".encode() + length + call)
    assert (answer.count(b"HTTP/1.1 "), b"\r\nConnection: close\r\n" in answer) == (1, True)
    assert [line["event"] for line in running.lines] == ["start"]


def test_a_call_cut_short_is_neither_recorded_nor_answered(started):
    running = started()
    assert running.say(b"POST / HTTP/1.1\r\nTask-Id: a\r\nContent-Length: 9\r\n\r\nhalf") == b""
    assert [line["event"] for line in running.lines] == ["start"]


def test_one_connection_carries_many_calls_a_refused_one_among_them(started):
    connection = started().dial()
    assert said(connection, "/", {"Task-Id": "a"}, b"a body")[0] == 201
    assert said(connection, "/", {}, b"a body")[0] == 400
    assert said(connection, "/", {"Task-Id": "b"})[1]["number"] == 2


def test_calls_side_by_side_are_numbered_without_a_gap(started):
    running = started()
    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(lambda number: running.call(f"t{number}")[1]["number"], range(200)))
    assert numbers == list(range(1, 201))
    assert [line["seq"] for line in running.lines] == list(range(1, 202))


def test_a_task_id_beyond_latin_1_is_kept(started):
    running = started()
    running.say("POST / HTTP/1.1\r\nTask-Id: käse-☃\r\nContent-Length: 0\r\n\r\n".encode())
    assert running.lines[-1]["task"] == "käse-☃"


def test_a_sink_that_is_stopped_in_order_leaves_a_whole_file(started):
    running = started()
    running.call("a", "k", Worker="w", Version="v1")
    assert running.end() == 0
    (effect,) = calls(running.output)
    assert (effect.task, effect.key, effect.version, effect.worker, effect.source) == ("a", "k", "v1", "w", "calls")


def test_a_sink_that_was_killed_leaves_a_file_that_may_lack_calls(started):
    running = started()
    running.call("a")
    running.end(signal.SIGKILL)
    found = calls(running.output)
    assert next(found).task == "a"
    with pytest.raises(HarnessError, match="not seen to end"):
        next(found)


def test_a_call_that_cannot_be_written_is_never_answered_as_taken(started):
    running = started(limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400)))
    answers = [running.call("a" * 50)[0] for _ in range(5)]
    taken = answers.count(201)
    assert answers == [201] * taken + [503] * (5 - taken)
    assert 0 < taken < 5
    assert [line["event"] for line in running.lines] == ["start", *["call"] * taken]
    assert running.end() == 3


def test_an_end_that_cannot_be_written_is_told():
    record = Record("/dev/full")
    assert (record.end(), record.end()) == (False, False)
    with pytest.raises(BrokenError, match="the sink has ended"):
        record.take(Call("calls", "a", None, None, None))


def test_the_file_is_followed_while_it_grows(started):
    running = started()
    tail = SinkTail(running.output)
    assert tail.poll().started
    running.call("a", "k")
    running.call("a", "k")
    assert until(lambda: tail.poll().calls() == 2, SECONDS)


def test_the_calls_of_some_tasks_can_be_left_out(started):
    running = started()
    for task in ("a", "b", "b"):
        running.call(task, "k")
    tail = SinkTail(running.output)
    assert until(lambda: tail.poll().calls() == 3, SECONDS)
    assert (tail.calls(without={"b"}), tail.calls(without={"never called"})) == (1, 3)


def test_a_body_that_is_put_comes_back_as_long_and_is_no_effect(started):
    running = started()
    connection = running.dial()
    connection.request("PUT", "/echo", body=bytes(100_000))
    answer = connection.getresponse()
    assert (answer.status, len(answer.read())) == (200, 100_000)
    assert running.end() == 0
    assert [line for line in running.lines if line["event"] == "call"] == []


def test_an_effect_that_is_put_in_place_of_posted_is_refused(started):
    connection = started().dial()
    connection.request("PUT", "/calls", body=b"{}", headers={"Task-Id": "a"})
    answer = connection.getresponse()
    assert (answer.status, "POST" in answer.read().decode()) == (405, True)
