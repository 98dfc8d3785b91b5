"""What the tap costs: the same publisher and consumer, direct and through it, in turns within one run.

Publisher and consumer speak raw AMQP (pika would be the slowest part): 1,000 publishes of 256 bytes in flight, durable, confirmed, to a
quorum queue; the consumer has a prefetch of 200 and acknowledges each hundred at once. Only the ratios mean something: other work on the
machine moves every rate, and hits both ways alike.

    python benchmarks/tap.py --amqp-url amqp://user:password@127.0.0.1:5672/%2F
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pika
from pika import frame, spec

from harness.stage import tap

QUEUE = "benchmark.tap"
IN_FLIGHT, PREFETCH, ACK_EVERY = 1000, 200, 100
BODY = b"x" * 256
PACED_PER_SECOND = 5000
Way = tuple[tuple[str, int], tuple[str, int]]
"""Where the publisher dials, and where the consumer does."""


class Raw:
    """A connection with one open channel, spoken by hand."""

    def __init__(self, url: pika.URLParameters, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        login = f"\x00{url.credentials.username}\x00{url.credentials.password}"
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.answer()
        self.say(0, spec.Connection.StartOk(client_properties={}, response=login))
        self.answer()
        self.say(0, spec.Connection.TuneOk(2047, 131072, 0), spec.Connection.Open("/"))
        self.answer()
        self.ask(spec.Channel.Open())

    def say(self, channel: int, *methods: object) -> None:
        self.socket.sendall(b"".join(frame.Method(channel, method).marshal() for method in methods))

    def ask(self, method: object) -> None:
        self.say(1, method)
        self.answer()

    def answer(self) -> None:
        while not self.frames():
            pass

    def frames(self) -> list[tuple[int, int, bytes]]:
        """Receive once: type, method and payload of every whole frame."""
        data = self.rest + self.socket.recv(1 << 18)
        whole, position = [], 0
        while len(data) - position >= 8:
            kind, _, size = struct.unpack_from(">BHI", data, position)
            if position + 8 + size > len(data):
                break
            whole.append(
                (kind, struct.unpack_from(">I", data, position + 7)[0] if size >= 4 else 0, data[position + 7 : position + 7 + size])
            )
            position += 8 + size
        self.rest = data[position:]
        return whole


def publish(url: pika.URLParameters, address: tuple[str, int], count: int, per_second: float, results: multiprocessing.Queue) -> None:
    """Publish ``count`` tasks, as fast as confirms come or at a rate; put the seconds and the median confirm in milliseconds."""
    raw = Raw(url, address)
    raw.ask(spec.Confirm.Select())
    head = frame.Method(1, spec.Basic.Publish(exchange="", routing_key=QUEUE)).marshal()
    before, after = (
        frame.Header(1, len(BODY), spec.BasicProperties(content_type="application/json", delivery_mode=2, message_id="#" * 12))
        .marshal()
        .split(b"#" * 12)
    )
    tail = after + frame.Body(1, BODY).marshal()
    sent, confirmed, sent_at, waits, started = 0, 0, [0.0] * (count + 1), [], time.perf_counter()
    while confirmed < count:
        now = time.perf_counter()
        due = min(count, confirmed + IN_FLIGHT, int((now - started) * per_second) + 1 if per_second else count)
        if due - sent >= (1 if per_second else min(50, count - sent)) > 0:
            raw.socket.sendall(b"".join(head + before + b"%012d" % number + tail for number in range(sent + 1, due + 1)))
            sent_at[sent + 1 : due + 1] = [now] * (due - sent)
            sent = due
        for _, method, payload in raw.frames():
            if method == (60 << 16 | 80):
                tag, multiple = struct.unpack_from(">QB", payload, 4)
                settled = range(confirmed + 1, tag + 1) if multiple else range(tag, tag + 1)
                waits += [time.perf_counter() - sent_at[each] for each in settled]
                confirmed += len(settled)
    results.put((time.perf_counter() - started, statistics.median(waits) * 1000))


def consume(url: pika.URLParameters, address: tuple[str, int], count: int) -> None:
    """Take ``count`` tasks and acknowledge them."""
    raw = Raw(url, address)
    raw.ask(spec.Basic.Qos(prefetch_count=PREFETCH))
    raw.say(1, spec.Basic.Consume(queue=QUEUE, consumer_tag="c"))
    taken = acknowledged = 0
    while acknowledged < count:
        taken += sum(1 for kind, method, _ in raw.frames() if kind == 1 and method == (60 << 16 | 60))
        if taken - acknowledged >= ACK_EVERY or taken == count:
            raw.say(1, spec.Basic.Ack(taken, multiple=True))
            acknowledged = taken


def measure(url: pika.URLParameters, way: Way, count: int, per_second: float = 0) -> tuple[float, float]:
    """Tasks a second from the first publish to the last acknowledgement, and the median confirm in milliseconds."""
    with pika.BlockingConnection(url) as connection:
        channel = connection.channel()
        channel.queue_delete(QUEUE)
        channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    results: multiprocessing.Queue = multiprocessing.Queue()
    consumer = multiprocessing.Process(target=consume, args=(url, way[1], count))
    consumer.start()
    started = time.perf_counter()
    publisher = multiprocessing.Process(target=publish, args=(url, way[0], count, per_second, results))
    publisher.start()
    _, median = results.get(timeout=300)
    consumer.join(300)
    publisher.join(30)
    return count / (time.perf_counter() - started), median


def start_tap(folder: Path, url: pika.URLParameters) -> tuple[subprocess.Popen[str], Way]:
    """A tap with a link for the publisher and one for the consumer, and their addresses."""
    links = [{"name": f"{peer} -> broker", "listen": 0, "peer": peer} for peer in ("load", "workers.v1.1")]
    settings = tap.config(links, (url.host, url.port), str(folder / "wire.jsonl"), "message_id") | {"address": "127.0.0.1"}
    (folder / "tap.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "tap", "--config", str(folder / "tap.json")]
    process = subprocess.Popen(command, cwd=Path(tap.__file__).parent.parent, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    publisher, consumer = (("127.0.0.1", int(process.stdout.readline().rsplit(maxsplit=1)[-1])) for _ in links)
    return process, (publisher, consumer)


def main() -> None:
    """Print a line for each turn and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amqp-url", required=True)
    parser.add_argument("--tasks", type=int, default=50_000, help="in each turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="each way (default: %(default)s)")
    given = parser.parse_args()
    url = pika.URLParameters(given.amqp_url)
    rates: dict[str, list[float]] = {"direct": [], "tap": []}
    with tempfile.TemporaryDirectory() as folder:
        process, tapped = start_tap(Path(folder), url)
        ways: dict[str, Way] = {"direct": ((url.host, url.port),) * 2, "tap": tapped}
        for turn in range(given.turns):
            for way in ways if turn % 2 == 0 else reversed(ways):
                rate, _ = measure(url, ways[way], given.tasks)
                rates[way].append(rate)
                print(f"{way:6}  {rate:8,.0f}/s", flush=True)
        for way, to in ways.items():
            rate, median = measure(url, to, PACED_PER_SECOND * 5, PACED_PER_SECOND)
            print(f"{way:6}  {rate:8,.0f}/s of {PACED_PER_SECOND:,}/s asked for, median confirm {median:.1f} ms", flush=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        events = [json.loads(text)["event"] for text in (Path(folder) / "wire.jsonl").open()]
    seen = given.tasks * given.turns + PACED_PER_SECOND * 5
    assert [events.count(event) for event in ("publish", "confirm", "deliver", "ack")] == [seen] * 4
    print(f"throughput through the tap / direct: {statistics.median(rates['tap']) / statistics.median(rates['direct']):.2f} (medians)")


if __name__ == "__main__":
    main()
