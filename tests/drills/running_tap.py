"""The tap as a process before the broker of the session, and what pika says through it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pika

from drillbook import tap
from drillbook.core.wait import until

PACKAGES = Path(tap.__file__).parent.parent
SECONDS = 30


class RunningTap:
    """A tap before the broker of the session, with a link for publishers and one for a v2 worker."""

    def __init__(self, folder, amqp_url):
        self._url = pika.URLParameters(amqp_url)
        self.output = folder / "wire.jsonl"
        links = [
            {"name": "load -> broker", "listen": 0, "peer": "load"},
            {"name": "workers.v2.1 -> broker", "listen": 0, "peer": "workers.v2.1", "version": "v2"},
        ]
        self._rules = folder / "rules.json"
        settings = tap.config(links, (self._url.host, self._url.port), str(self.output), "message_id", str(self._rules))
        settings["address"] = "127.0.0.1"
        (folder / "tap.json").write_text(json.dumps(settings))
        command = [sys.executable, "-m", "tap", "--config", str(folder / "tap.json")]
        self.process = subprocess.Popen(command, cwd=PACKAGES, stdout=subprocess.PIPE, text=True)
        self._ports = {peer: int(self.process.stdout.readline().rsplit(maxsplit=1)[-1]) for peer in ("load", "worker")}

    def url(self, peer="load"):
        login = self._url.credentials
        return f"amqp://{login.username}:{login.password}@127.0.0.1:{self._ports[peer]}/%2F?heartbeat=0"

    def connect(self, peer="load"):
        return pika.BlockingConnection(pika.URLParameters(self.url(peer)))

    def arm(self, event, action, peer="workers.v2.1", **more):
        """Have one rule armed, and no other."""
        armed = self.output.read_text().count('"reason":"armed"')
        rule = tap.Rule(id=f"fault#{armed}", name="fault", links=(f"{peer} -> broker",), event=event, action=action, **more)
        self._rules.write_text(json.dumps(tap.rules([rule])))
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_text('"reason":"armed"', armed + 1)

    def end(self):
        """Stop it in order, and give the lines about connections."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(SECONDS) == 0
        lines = [json.loads(text) for text in self.output.read_text().splitlines()]
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert (lines[0]["event"], lines[-1]["event"]) == ("start", "end")
        assert not [line for line in lines if line["event"] == "incomplete"]
        return [line for line in lines if "link" in line]

    def wait_for(self, event, times=1):
        self.wait_for_text(f'"event":"{event}"', times)

    def wait_for_text(self, text, times=1):
        assert until(lambda: self.output.read_text().count(text) >= times, SECONDS), f"no {text} came"


def publish(channel, queue, *tasks, body=b"{}"):
    for task in tasks:
        channel.basic_publish("", queue, body, pika.BasicProperties(message_id=task, headers={"deep": {"er": [1]}}), mandatory=True)


def publisher(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


def take(channel, queue, count, **how):
    """Consume ``count`` deliveries and leave them unacknowledged; the last one's tag."""
    for taken, (delivery, _, _) in enumerate(channel.consume(queue, inactivity_timeout=SECONDS, **how), 1):
        if taken == count:
            return delivery.delivery_tag
    return None


def said(lines, *events):
    return [(line["event"], line.get("task")) for line in lines if line["event"] in events]


def in_flight(lines):
    """Deliveries that nothing in the file ends."""
    left = Counter()
    for line in lines:
        where = (line["connection"], line.get("channel"))
        if line["event"] == "deliver":
            left[where] += 1
        elif line["event"] in ("ack", "nack", "reject"):
            left[where] -= 1
        elif line["event"] == "close":
            left[where] = 0
    return sum(left.values())
