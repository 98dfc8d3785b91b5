"""The tap as a process, before a plain TCP server: bytes carried, endings, and evidence that is never silently short."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress

import pytest
from tap_process import PACKAGES, SECONDS, receive, speak
from tap_speech import PREAMBLE, client, deliver, opened, publish

from drillbook import tap
from drillbook.evidence.kinds.wire import Wire
from drillbook.evidence.run_directory import line as wire_line
from drillbook.tap import echo


def taken_before_it_blocks(source, block):
    taken = 0
    with suppress(TimeoutError):
        while taken < 1000 * len(block):
            taken += source.send(block)
    return taken


def test_the_file_begins_with_start_and_ends_with_end_and_has_no_gap(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    speak(ours, theirs, [*opened(), client(publish("a"), publish("b"))])
    assert started.end() == 0
    assert started.events == ["start", "open", "open", "publish", "publish", "end"]
    assert [line["seq"] for line in started.lines] == list(range(1, len(started.lines) + 1))
    assert [line["at"] for line in started.lines] == sorted(line["at"] for line in started.lines)


def test_every_line_is_exactly_a_record_of_the_run_directory(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    speak(*started.joined(upstream), [*opened(), client(publish("a"))])
    started.end(signal.SIGINT)
    for text in started.output.read_text().splitlines():
        assert wire_line(Wire(**json.loads(text))) == text


def test_it_says_every_second_that_it_lives(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    started.wait_for("alive")
    assert started.end() == 0


def test_a_killed_tap_leaves_whole_lines_and_no_end(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    speak(*started.joined(upstream), [*opened(), client(publish("a"))])
    started.wait_for("publish")
    started.end(signal.SIGKILL)
    assert started.events == ["start", "open", "open", "publish"]


def test_a_tap_started_again_goes_on_behind_a_gap(start_tap, upstream):
    first = start_tap(upstream.getsockname())
    speak(*first.joined(upstream), [*opened(), client(publish("a"))])
    first.wait_for("publish")
    first.end(signal.SIGKILL)
    last = first.lines[-1]["seq"]
    with first.output.open("a") as file:
        file.write('{"seq":5,"at":1,"ev')
    second = start_tap(upstream.getsockname())
    speak(*second.joined(upstream), [*opened(), client(publish("b"))])
    second.end()
    again = second.lines[last:]
    assert [line["seq"] for line in again] == list(range(last + 2, last + 2 + len(again)))
    assert (again[0]["event"], {line["connection"] for line in again if "connection" in line}) == ("start", {2})


def test_a_broker_that_is_away_is_recorded_and_dialled_anew_for_the_next_connection(start_tap):
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        address = listening.getsockname()
    started = start_tap(address)
    with closing(started.dial()) as refused:
        assert refused.recv(1) == b""
    with closing(socket.create_server(address)) as listening:
        speak(*started.joined(listening), opened())
    started.end()
    assert started.events[:4] == ["start", "refused", "open", "open"]
    assert "cannot reach" in started.lines[1]["reason"]


def test_a_client_that_goes_away_is_a_lost_connection(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    speak(ours, theirs, opened())
    ours.close()
    assert theirs.recv(1) == b""
    started.wait_for("close")
    started.end()
    assert [line.get("reason") for line in started.lines if line["event"] == "close"] == ["connection lost (client)"] * 2


def test_half_closed_the_other_half_is_still_carried(start_tap, upstream):
    ours, theirs = start_tap(upstream.getsockname()).joined(upstream)
    speak(ours, theirs, opened())
    ours.shutdown(socket.SHUT_WR)
    assert theirs.recv(1) == b""
    theirs.sendall(b"last words")
    assert receive(ours, 10) == b"last words"
    theirs.close()
    assert ours.recv(1) == b""


def test_another_protocol_is_carried_unread_and_the_evidence_says_it_is_incomplete(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    speak(ours, theirs, [("client", b"GET / HTTP/1.1\r\n\r\n"), ("broker", b"HTTP/1.1 200 OK\r\n\r\n"), ("client", b"more")])
    started.end()
    assert started.events == ["start", "incomplete", "end"]


@pytest.mark.parametrize("who", ["client", "broker"])
def test_a_receiver_that_does_not_read_stops_the_sender(start_tap, upstream, who):
    ours, theirs = start_tap(upstream.getsockname()).joined(upstream)
    speak(ours, theirs, opened())
    source = ours if who == "client" else theirs
    source.settimeout(1.0)
    block = publish("a", body=b"x" * 100_000) if who == "client" else deliver("a", 1, body=b"x" * 100_000)
    assert taken_before_it_blocks(source, block) < 300 * len(block)


def test_a_probe_of_the_harness_leaves_no_line(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    speak(ours, theirs, opened()[:2])
    assert opened()[0] == ("client", PREAMBLE)
    ours.close()
    assert theirs.recv(1) == b""
    started.end()
    assert started.events == ["start", "end"]


def test_a_disk_that_fills_up_stops_the_evidence_and_nothing_else(start_tap, upstream):
    started = start_tap(upstream.getsockname(), before=["bash", "-c", 'ulimit -f 4; exec "$0" "$@"'])
    ours, theirs = started.joined(upstream)
    speak(ours, theirs, [*opened(), *(client(publish(f"t{number}")) for number in range(200))])
    assert started.end() == 3
    assert "cannot write evidence" in started.errors
    assert "end" not in started.events
    assert [line["seq"] for line in started.lines] == list(range(1, len(started.lines) + 1))


def test_a_disk_that_is_full_from_the_start_is_told_and_the_bytes_still_pass(start_tap, upstream):
    started = start_tap(upstream.getsockname(), output="/dev/full")
    speak(*started.joined(upstream), opened())
    assert started.end() == 3
    assert "No space left on device" in started.errors


def test_a_port_that_is_taken_is_a_sentence(tmp_path, upstream):
    links = [{"name": "load -> broker", "listen": upstream.getsockname()[1], "peer": "load"}]
    settings = tap.config(links, ("127.0.0.1", 1), str(tmp_path / "wire.jsonl"), "message_id") | {"address": "127.0.0.1"}
    (tmp_path / "tap.json").write_text(json.dumps(settings))
    assert run_tap(tmp_path) == (3, "tap: cannot start: [Errno 98] Address already in use (while attempting to bind on address")
    assert not (tmp_path / "wire.jsonl").exists()


@pytest.mark.parametrize("settings", ["not json", "[]", "{}", '{"upstream": ["b", 1], "links": [{"nam": 1}], "id_from": "message_id"}'])
def test_bad_settings_are_a_sentence(tmp_path, settings):
    (tmp_path / "tap.json").write_text(settings)
    code, said = run_tap(tmp_path)
    assert code == 2
    assert said.startswith("tap: cannot use the settings in")
    assert "Traceback" not in said


def run_tap(folder):
    command = [sys.executable, "-m", "tap", "--config", str(folder / "tap.json")]
    done = subprocess.run(command, cwd=PACKAGES, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.returncode, done.stderr.split(" ('127")[0].strip()


def test_the_settings_of_a_drill_are_plain_json():
    links = [{"name": "workers.v2.1 -> broker", "listen": 5701, "peer": "workers.v2.1", "version": "v2"}]
    assert tap.config(links, ("broker", 5672), "/evidence/wire.jsonl", "message_id") == {
        "output": "/evidence/wire.jsonl",
        "id_from": "message_id",
        "upstream": ["broker", 5672],
        "links": links,
    }


def test_the_package_needs_nothing_but_the_standard_library():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import tap.__main__"
    assert subprocess.run([sys.executable, "-S", "-I", "-c", code, str(PACKAGES)], check=False).returncode == 0


def test_several_connections_are_told_apart_by_number(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    for _ in range(2):
        speak(*started.joined(upstream), [*opened(), client(publish("a"))])
    started.end()
    assert [line["connection"] for line in started.lines if line["event"] == "publish"] == [1, 2]


def test_bytes_that_ask_for_an_echo_come_back_when_all_are_there_and_the_broker_hears_nothing(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    ours.sendall(echo.question(200_000) + bytes(199_999))
    ours.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ours.recv(1)
    ours.settimeout(SECONDS)
    ours.sendall(b"x")
    assert receive(ours, 200_000) == bytes(200_000)
    with suppress(ConnectionResetError):
        assert theirs.recv(1) == b""
    assert started.end() == 0
    assert started.events == ["start", "end"]


def test_an_echo_of_more_than_it_has_is_no_question_to_the_tap(start_tap, upstream):
    started = start_tap(upstream.getsockname())
    ours, theirs = started.joined(upstream)
    ours.sendall(echo.question(echo.MOST + 1))
    assert receive(theirs, 24) == echo.question(echo.MOST + 1)
