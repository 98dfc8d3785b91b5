"""The tap as a process before a plain TCP server, on loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from drillbook import tap
from drillbook.core.wait import until

PACKAGES = Path(tap.__file__).parent.parent
SECONDS = 20


class TapProcess:
    """A tap with one link, on loopback.

    Args:
        folder: for its files.
        upstream: host and port of what it dials.
        output: its file, where it is not ``wire.jsonl`` in the folder.
        before: a command that runs it.
        peers: who dials it, each by a link of its own.
        id_from: where a message carries its task's id.
        capture: where delivered messages are kept.
    """

    def __init__(self, folder, upstream, output=None, before=(), peers=("load",), id_from="message_id", capture=None):
        self.output, self._rules = Path(output or folder / "wire.jsonl"), folder / "rules.json"
        links = [{"name": f"{peer} -> broker", "listen": 0, "peer": peer} for peer in peers]
        settings = tap.config(links, upstream, str(self.output), id_from, str(self._rules), capture) | {"address": "127.0.0.1"}
        (folder / "tap.json").write_text(json.dumps(settings))
        command = [*before, sys.executable, "-m", "tap", "--config", str(folder / "tap.json")]
        self._errors = folder / "errors.txt"
        with self._errors.open("a") as errors:
            self.process = subprocess.Popen(command, cwd=PACKAGES, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.ports = {peer: int(self.process.stdout.readline().rsplit(maxsplit=1)[-1]) for peer in peers}
        self.sockets = []

    def dial(self, peer=None):
        return socket.create_connection(("127.0.0.1", self.ports[peer or next(iter(self.ports))]), SECONDS)

    def joined(self, server, peer=None):
        """Both ends of a connection through the tap; they stay open until the test ends."""
        self.sockets += [self.dial(peer), accept(server)]
        return self.sockets[-2:]

    def arm(self, *rules):
        """Have these rules armed, and no others; until the tap has said so."""
        said = self.said("armed") + self.said("disarmed")
        before = {rule["id"] for rule in json.loads(self._rules.read_text())} if self._rules.exists() else set()
        self._rules.write_text(json.dumps(tap.rules(rules)))
        self.process.send_signal(signal.SIGHUP)
        changes = len(before ^ {rule.id for rule in rules})
        assert until(lambda: self.said("armed") + self.said("disarmed") == said + changes, SECONDS), "it did not take the rules"

    def said(self, reason):
        """How many lines of faults give this reason."""
        return self.output.read_text().count(f'"reason":"{reason}"}}\n')

    def wait_until_said(self, reason):
        assert until(lambda: self.said(reason), SECONDS), f"it never said: {reason}"

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode

    @property
    def errors(self):
        """What it has said on stderr."""
        return self._errors.read_text()

    @property
    def lines(self):
        return [json.loads(text) for text in self.output.read_text().splitlines()]

    @property
    def events(self):
        return [line["event"] for line in self.lines if line["event"] != "alive"]

    @property
    def story(self):
        """The lines about tasks and faults, in a few words."""
        kinds = ("publish", "confirm", "deliver", "ack", "nack", "reject", "select", "commit", "rollback", "fault")
        told = [line for line in self.lines if line["event"] in kinds]
        return [" ".join(str(line[key]) for key in ("event", "reason", "task") if key in line) for line in told]

    def wait_for(self, event):
        """Until a line of this event is in the file."""
        assert until(lambda: f'"event":"{event}"' in self.output.read_text(), SECONDS), f"no {event} came"

    def close(self):
        self.process.kill()
        self.process.communicate()
        for joined in self.sockets:
            joined.close()


def accept(server):
    accepted = server.accept()[0]
    accepted.settimeout(SECONDS)
    return accepted


def receive(joined, size):
    data = b""
    while len(data) < size:
        piece = joined.recv(65536)
        assert piece, f"ended after {len(data)} of {size} octets"
        data += piece
    return data


def arrives(sink, data):
    assert receive(sink, len(data)) == data


def ends(sink):
    """Nothing more comes, and its connection has ended."""
    with suppress(ConnectionResetError):
        assert sink.recv(1) == b""


def rule(event, action, number=1, links=("load -> broker",), **more):
    """A rule of the fault ``fault``."""
    return tap.Rule(id=f"fault#{number}", name="fault", links=links, event=event, action=action, **more)


def speak(ours, theirs, turns):
    """Say every turn at its end, and see it arrive unchanged at the other."""
    for who, data in turns:
        source, sink = (ours, theirs) if who == "client" else (theirs, ours)
        source.sendall(data)
        assert receive(sink, len(data)) == data
