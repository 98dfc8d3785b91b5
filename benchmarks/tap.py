"""What the wire tap costs: the same publisher and consumer, direct and through it, in turns within one run.

    python benchmarks/tap.py                                     # starts a broker of its own, and removes it
    python benchmarks/tap.py --amqp-url amqp://u:p@127.0.0.1/%2F # takes one that runs

One publisher (durable, confirmed, 1,000 in flight) and one consumer (prefetch 1,000, acknowledges each hundred at once) on one quorum
queue, 256 octets a task; the tap has four links and reads ids by a selector. Two paths: the one of a drill, where every client passes a
proxy of Toxiproxy, with and without the tap behind it; and the bare one, where nothing is between but the tap. Both clients speak AMQP by
hand and send octets that were made before, so that the broker and the tap are what is measured and not they: ``load`` below is the share
of one core that the two take. Only the ratios mean something: other work on the machine moves every rate, and hits both ways alike. What
it starts listens on loopback alone; the broker is dialled at its own address, which takes an engine on Linux.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import secrets
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import docker
import pika
import psutil
import requests
from pika import frame, spec
from rich.console import Console
from rich.table import Table

from drillbook import tap
from drillbook.core.wait import until
from drillbook.engine import image_store
from drillbook.engine.clean import remove_run
from drillbook.engine.containers import StageContainer
from drillbook.engine.labels import labels
from drillbook.rabbitmq.broker import AMQP_PORT, MANAGEMENT_PORT, BrokerClient

from testcontainers.core.network import Network  # isort: skip (after the settings of drillbook.engine.containers)

QUEUE = "benchmark.tap"
IN_FLIGHT, PREFETCH, ACK_EVERY, CHUNK = 1000, 1000, 100, 25
BODY = b"x" * 256
PACED_PER_SECOND, PACED_SECONDS = 5000, 6
LINKS = ("load", "workers.v1.1", "workers.v2.1", "operator")
TAP_NICE = -15
"""Before its clients by a factor of 28, where root runs this; in a drill its container is before the others by 256 (``TAP_CPU_SHARES``)."""
WANTED = "wanted: ratio >= 0.95, tasks/s >= 10,000, added median < 0.5 ms"
_CONFIRM = struct.Struct(">7xIQB")
Address = tuple[str, int]


@dataclass(frozen=True)
class Turn:
    """What one turn measured."""

    per_second: float
    """Tasks, from the first publish to the last acknowledgement."""
    median_ms: float
    """From a publish to its confirm; only of a paced turn."""
    load_cores: float
    """Cores that publisher and consumer took."""
    tap_us: float
    """Processor time of the tap for a task."""


class Raw:
    """A connection with one open channel, spoken by hand."""

    def __init__(self, url: pika.URLParameters, address: Address) -> None:
        self.socket = socket.create_connection(address, 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        login = f"\x00{url.credentials.username}\x00{url.credentials.password}"
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.answer()
        self.say(0, spec.Connection.StartOk(client_properties={"product": "benchmark"}, response=login))
        self.answer()
        self.say(0, spec.Connection.TuneOk(2047, 131072, 0), spec.Connection.Open(url.virtual_host))
        self.answer()
        self.ask(spec.Channel.Open())

    def say(self, channel: int, *methods: object) -> None:
        self.socket.sendall(b"".join(frame.Method(channel, method).marshal() for method in methods))

    def ask(self, method: object) -> None:
        self.say(1, method)
        self.answer()

    def answer(self) -> None:
        """Wait for the whole frame of an answer."""
        data = b""
        while len(data) < 8 or len(data) < 8 + struct.unpack_from(">BHI", data)[2]:
            data += self.socket.recv(65536)


def message(number: int) -> bytes:
    """A task as a publisher of a drill sends it."""
    headers = {"intended_at": 1_795_000_000_000_000_000 + number, "version": "v1", "task": f"t{number:011}"}
    properties = spec.BasicProperties("application/json", None, headers, 2, message_id=f"t{number:011}", type="charge")
    content = frame.Header(1, len(BODY), properties).marshal() + frame.Body(1, BODY).marshal()
    return frame.Method(1, spec.Basic.Publish(exchange="", routing_key=QUEUE)).marshal() + content


class Confirms:
    """How many publishes are confirmed, by frames of one size."""

    def __init__(self, count: int) -> None:
        self.count, self._low, self._seen, self._rest = 0, 0, bytearray(count + 1), b""

    def take(self, data: bytes) -> list[range]:
        """The tags that these octets confirm."""
        data = self._rest + data
        whole = len(data) - len(data) % 21
        self._rest = data[whole:]
        found = []
        for position in range(0, whole, 21):
            method, tag, multiple = _CONFIRM.unpack_from(data, position)
            assert method == 60 << 16 | 80, "the broker refused or closed"
            tags = range(self._low + 1 if multiple else tag, tag + 1)
            self.count += len(tags) - self._seen.count(1, tags.start, tags.stop)
            self._seen[tags.start : tags.stop] = b"\x01" * len(tags)
            self._low = tag if multiple else self._low
            found.append(tags)
        return found


def publish(url: pika.URLParameters, address: Address, count: int, results: multiprocessing.Queue) -> None:
    """Publish as fast as confirms come."""
    raw = Raw(url, address)
    raw.ask(spec.Confirm.Select())
    chunks = [b"".join(message(number) for number in range(at, min(at + CHUNK, count))) for at in range(0, count, CHUNK)]
    confirms, sent, used = Confirms(count), 0, time.process_time()
    results.put(("begin", time.perf_counter()))
    while confirms.count < count:
        while sent < count and sent - confirms.count <= IN_FLIGHT - CHUNK:
            raw.socket.sendall(chunks[sent // CHUNK])
            sent = min(sent + CHUNK, count)
        confirms.take(raw.socket.recv(1 << 18))
    results.put(("publisher", time.process_time() - used, 0.0))


def pace(url: pika.URLParameters, address: Address, count: int, results: multiprocessing.Queue) -> None:
    """Publish one by one at an even rate."""
    raw = Raw(url, address)
    raw.ask(spec.Confirm.Select())
    tasks = [message(number) for number in range(count)]
    confirms, sent_at, waits, used = Confirms(count), [0.0] * (count + 1), [], time.process_time()
    begin = time.perf_counter()
    results.put(("begin", begin))
    sent = 0
    while confirms.count < count:
        now = time.perf_counter()
        while sent < count and begin + sent / PACED_PER_SECOND <= now:
            raw.socket.sendall(tasks[sent])
            sent += 1
            sent_at[sent] = now = time.perf_counter()
        due = begin + sent / PACED_PER_SECOND - time.perf_counter() if sent < count else 30.0
        if select.select([raw.socket], [], [], max(due, 0.0))[0]:
            data, now = raw.socket.recv(1 << 18), time.perf_counter()
            waits += [now - sent_at[tag] for tags in confirms.take(data) for tag in tags]
    results.put(("publisher", time.process_time() - used, statistics.median(waits) * 1000))


def consume(url: pika.URLParameters, address: Address, count: int, results: multiprocessing.Queue) -> None:
    """Take every task and acknowledge it; every delivery has the same size."""
    raw = Raw(url, address)
    raw.ask(spec.Basic.Qos(prefetch_count=PREFETCH))
    raw.ask(spec.Basic.Consume(queue=QUEUE, consumer_tag="c"))
    results.put(("consuming",))
    announced = spec.Basic.Deliver("c", 1, False, "", QUEUE)
    published = frame.Method(1, spec.Basic.Publish(exchange="", routing_key=QUEUE)).marshal()
    size = len(frame.Method(1, announced).marshal()) + len(message(0)) - len(published)
    octets = acknowledged = 0
    used = time.process_time()
    while acknowledged < count:
        octets += len(raw.socket.recv(1 << 18))
        taken = octets // size
        if taken - acknowledged >= ACK_EVERY or taken == count:
            raw.say(1, spec.Basic.Ack(taken, multiple=True))
            acknowledged = taken
    results.put(("consumer", time.process_time() - used, time.perf_counter()))


def measure(url: pika.URLParameters, way: tuple[Address, Address], count: int, paced: bool, process: psutil.Process | None) -> Turn:
    """One turn, with a queue of its own."""
    with pika.BlockingConnection(url) as connection:
        connection.channel().queue_delete(QUEUE)
        connection.channel().queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    results: multiprocessing.Queue = multiprocessing.Queue()
    children = [multiprocessing.Process(target=consume, args=(url, way[1], count, results), daemon=True)]
    children[0].start()
    assert results.get(timeout=60)[0] == "consuming"
    children.append(multiprocessing.Process(target=pace if paced else publish, args=(url, way[0], count, results), daemon=True))
    children[1].start()
    _, begin = results.get(timeout=60)
    tap_before = sum(process.cpu_times()[:2]) if process else 0.0
    said = {what: rest for what, *rest in (results.get(timeout=120) for _ in children)}
    tap_used = sum(process.cpu_times()[:2]) - tap_before if process else 0.0
    for child in children:
        child.join(30)
    seconds = said["consumer"][1] - begin
    return Turn(count / seconds, said["publisher"][1], (said["publisher"][0] + said["consumer"][0]) / seconds, tap_used / count * 1e6)


@contextmanager
def own_broker() -> Iterator[pika.URLParameters]:
    """A broker that only this machine reaches."""
    run_id, password = f"benchmark-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    image = image_store.ensure(["rabbitmq"], print)["rabbitmq"].reference
    try:
        network = Network(docker_network_kw={"labels": labels(run_id, "network")})
        network.name = f"drillbook-{run_id}"
        network.create()
        environment = {"RABBITMQ_DEFAULT_USER": "benchmark", "RABBITMQ_DEFAULT_PASS": password}
        name = f"drillbook-{run_id}-broker"
        container = StageContainer(image, "broker", name, network.name, labels(run_id, "broker"), environment=environment)
        container.start()
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        address = wrapped.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
        url = f"amqp://benchmark:{password}@{address}:{AMQP_PORT}/%2F"
        api = f"http://benchmark:{password}@{address}:{MANAGEMENT_PORT}/api"
        assert until(BrokerClient(url, api).answers, 60), "the broker does not answer"
        yield pika.URLParameters(url)
    finally:
        remove_run(run_id)


@contextmanager
def running_tap(folder: Path, url: pika.URLParameters, id_from: str) -> Iterator[tuple[psutil.Process, tuple[Address, Address]]]:
    """A tap with four links, and the addresses of the first two."""
    links = [{"name": f"{peer} -> broker", "listen": 0, "peer": peer} for peer in LINKS]
    settings = tap.config(links, (url.host, url.port), str(folder / "wire.jsonl"), id_from) | {"address": "127.0.0.1"}
    (folder / "tap.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "tap", "--config", str(folder / "tap.json")]
    process = subprocess.Popen(command, cwd=Path(tap.__file__).parent.parent, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        with suppress(psutil.AccessDenied):
            psutil.Process(process.pid).nice(TAP_NICE)
        ports = [int(process.stdout.readline().rsplit(maxsplit=1)[-1]) for _ in links]
        yield psutil.Process(process.pid), (("127.0.0.1", ports[0]), ("127.0.0.1", ports[1]))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def proxies(addresses: list[Address]) -> Iterator[list[Address]]:
    """A Toxiproxy on loopback with a proxy before each address."""
    run_id, image = f"benchmark-{secrets.token_hex(4)}", image_store.ensure(["toxiproxy"], print)["toxiproxy"].reference
    ports = _free_ports(len(addresses) + 1)
    command = ["-host", "127.0.0.1", "-port", str(ports[0])]
    try:
        docker.from_env().containers.run(image, command, detach=True, network_mode="host", labels=labels(run_id, "toxiproxy"))
        api = f"http://127.0.0.1:{ports[0]}"
        assert until(lambda: _answers(f"{api}/version"), 30), "Toxiproxy does not answer"
        for port, (host, upstream) in zip(ports[1:], addresses, strict=True):
            proxy = {"name": str(port), "listen": f"127.0.0.1:{port}", "upstream": f"{host}:{upstream}"}
            requests.post(f"{api}/proxies", json=proxy, timeout=10).raise_for_status()
        yield [("127.0.0.1", port) for port in ports[1:]]
    finally:
        remove_run(run_id)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except OSError:
        return False


def compare(url: pika.URLParameters, given: argparse.Namespace, folder: Path) -> Table:
    """Measure both paths, both ways, in turns; the tap's evidence is counted too, since a tap that sees less is cheaper."""
    columns = ("turn", "path", "way", "tasks/s", "median confirm ms", "load cores", "tap us/task")
    table = Table(*columns, title=WANTED)
    found: dict[tuple[str, bool, bool], list[Turn]] = defaultdict(list)
    seen = 0
    direct = ((url.host, url.port), (url.host, url.port))
    with running_tap(folder, url, given.id_from) as (process, tapped), proxies([*direct, *tapped]) as behind:
        paths = {"drill": {False: (behind[0], behind[1]), True: (behind[2], behind[3])}, "bare": {False: direct, True: tapped}}
        for turn in range(-1, given.turns):  # the first one warms the broker up
            for path, paced in product(paths, (False, True) if turn >= 0 else (False,)):
                for through in (False, True) if turn % 2 == 0 else (True, False):
                    count = PACED_PER_SECOND * PACED_SECONDS if paced else given.tasks
                    done = measure(url, paths[path][through], count, paced, process if through else None)
                    seen += count if through else 0
                    if turn < 0:
                        continue
                    found[path, paced, through].append(done)
                    way = f"{'tap' if through else 'without'}, {'paced' if paced else 'saturated'}"
                    cells = f"{done.median_ms:.2f}" if paced else "", f"{done.load_cores:.2f}", f"{done.tap_us:.1f}" if through else ""
                    table.add_row(str(turn + 1), path, way, f"{done.per_second:,.0f}", *cells)
    events = Counter(json.loads(text)["event"] for text in (folder / "wire.jsonl").open())
    complete = all(events[event] == seen for event in ("publish", "confirm", "deliver", "ack"))
    for path in paths:
        table.add_section()
        saturated, paced_turns = (list(zip(found[path, paced, False], found[path, paced, True], strict=True)) for paced in (False, True))
        ratio = statistics.median(through.per_second / beside.per_second for beside, through in saturated)
        added = statistics.median(through.median_ms - beside.median_ms for beside, through in paced_turns)
        rate = statistics.median(through.per_second for _, through in saturated)
        table.add_row("", path, "ratio of throughput", f"{ratio:.2f}")
        table.add_row("", path, "through the tap", f"{rate:,.0f}", f"added {added:+.2f}")
    table.add_section()
    table.add_row("", "", "evidence", "whole" if complete else "INCOMPLETE")
    return table


def main() -> None:
    """Print a table; it judges nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amqp-url", help="a broker that runs; left out: one of its own")
    parser.add_argument("--tasks", type=int, default=100_000, help="in each saturated turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=5, help="of each kind, each way (default: %(default)s)")
    parser.add_argument(
        "--id-from", default="header:task", help="where the tap finds the ids; message_id has them too (default: %(default)s)"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.amqp_url:
            table = compare(pika.URLParameters(given.amqp_url), given, Path(folder))
        else:
            with own_broker() as url:
                table = compare(url, given, Path(folder))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
