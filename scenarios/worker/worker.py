"""The reference worker: each task it takes leaves one effect, however often it is delivered and wherever the worker dies.

One process, one connection to the broker, one to the database. A delivered message is the task; its ``message_id`` is the
idempotency key. The inbox row, the effect and the task's new state are one transaction; only after its commit is the message
acknowledged. So a worker that dies before the commit has done nothing, and one that dies between commit and acknowledgement makes
the broker deliver the task again, which the inbox row then turns into nothing. Nothing is declared here: queues and tables belong to
the deployment.

An effect outside of the database cannot be in that transaction. Where EFFECTS_URL is set, the worker calls it for each task before it
commits, with the task's id as the idempotency key: after a death or a lost answer it calls again, and the receiver knows the key.

Environment: AMQP_URL, DATABASE_URL, QUEUE; WORKER and VERSION (its own name and version, written beside each effect); EFFECTS_URL;
PREFETCH (default 20), HEARTBEAT (seconds, 10), WORK_MS (pretended work of a task, 1), DRAIN_SECONDS (longest stop, 15).
SHAPES says what it can decode, where it is not everything: task types, each with the fields that its body must have, as in
``charge:amount_cents charge:amount,currency notify``; one that is named twice may look either way.
Two switches are there for known-bad controls: INBOX=off writes effects without the inbox; ACK_EVERY=n acknowledges only each n-th
task with all before it, and what is left after ACK_IDLE_MS (200) without a delivery.

``worker.py --decode`` does no task: it reads messages from its stdin, one a line as JSON with ``message`` (a number), ``properties`` and
``body`` (in base64), and says of each on its stdout whether it could decode it. It needs neither broker nor database.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika
import psycopg
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

CALL_SECONDS = 5.0
"""Longest wait for the answer to a call; whether it was received is not known then, and it is made again."""
DATABASE_SECONDS = 5.0
"""Longest wait for one answer of the database; a silent link is then given up and dialled again."""
CONNECT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 2.0
TICK_SECONDS = 0.2
"""How soon an idle worker sees that it shall stop."""

EXECUTING = """
with not_durable as (select set_config('synchronous_commit', 'off', true))  -- a mark for watchers; only the result must survive
insert into task_state (task, state, version, worker) select %(task)s, 'executing', %(version)s, %(worker)s from not_durable
on conflict (task) do update set state = excluded.state, version = excluded.version, worker = excluded.worker, updated_at = now()
where task_state.state <> 'completed'
"""
COMPLETED_ONCE = """
with fresh as (
    insert into inbox (message, worker) values (%(task)s, %(worker)s) on conflict do nothing returning message
), effect as (
    insert into effects (task, key, version, worker, wait_ms)
    select message, message, %(version)s, %(worker)s, %(wait_ms)s from fresh
)
insert into task_state (task, state, version, worker) select message, 'completed', %(version)s, %(worker)s from fresh
on conflict (task) do update set state = excluded.state, version = excluded.version, worker = excluded.worker, updated_at = now()
"""
COMPLETED_CARELESSLY = """
with effect as (
    insert into effects (task, key, version, worker, wait_ms)
    values (%(task)s, %(task)s, %(version)s, %(worker)s, %(wait_ms)s)
)
update task_state set state = 'completed', version = %(version)s, worker = %(worker)s, updated_at = now() where task = %(task)s
"""
COMPLETED = (COMPLETED_ONCE, COMPLETED_CARELESSLY)
FAILED = "update task_state set state = 'failed', version = %(version)s, worker = %(worker)s, updated_at = now() where task = %(task)s"


class TaskError(Exception):
    """This task can never be done: it goes to the dead-letter queue, where a person looks at it."""


class DatabaseAwayError(Exception):
    """The database does not answer; the task in hand is tried again."""


class ReceiverAwayError(Exception):
    """The receiver of calls does not answer; the task in hand is tried again."""


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    amqp_url: str
    database_url: str
    queue: str
    worker: str
    version: str
    prefetch: int
    heartbeat: int
    work_seconds: float
    drain_seconds: int
    effects_url: str | None
    inbox: bool
    ack_every: int
    ack_idle_seconds: float

    @classmethod
    def from_environment(cls, env: dict[str, str]) -> Settings:
        return cls(
            amqp_url=env["AMQP_URL"],
            database_url=env["DATABASE_URL"],
            queue=env["QUEUE"],
            worker=env.get("WORKER", "worker"),
            version=env.get("VERSION", "v1"),
            prefetch=int(env.get("PREFETCH", "20")),
            heartbeat=int(env.get("HEARTBEAT", "10")),
            work_seconds=float(env.get("WORK_MS", "1")) / 1000,
            drain_seconds=int(env.get("DRAIN_SECONDS", "15")),
            effects_url=env.get("EFFECTS_URL"),
            inbox=env.get("INBOX", "on") != "off",
            ack_every=int(env.get("ACK_EVERY", "1")),
            ack_idle_seconds=float(env.get("ACK_IDLE_MS", "200")) / 1000,
        )


def log(event: str, **more: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps({"at": round(time.time(), 3), "event": event, **more}), flush=True)


class Backoff:
    """Pauses that double up to a bound, each shortened by chance so that the workers don't come back all at once."""

    def __init__(self) -> None:
        self._next = 0.1

    def pause(self) -> float:
        longest, self._next = self._next, min(self._next * 2, LONGEST_PAUSE_SECONDS)
        return random.uniform(longest / 2, longest)

    def reset(self) -> None:
        self._next = 0.1


class Database:
    """One connection, dialled when it is needed and again after it failed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def run(self, statement: str, values: dict[str, Any]) -> int:
        """Run one statement as one transaction; give the number of rows it changed.

        Raises:
            DatabaseAwayError: no answer, or the connection broke; whether it was committed is not known.
        """
        try:
            with _at_most(DATABASE_SECONDS):
                if self._connection is None:
                    self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=1)
                return self._connection.execute(statement, values).rowcount
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            self.close()
            raise DatabaseAwayError(type(error).__name__) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Receiver:
    """Where effects go that are calls: one connection, dialled when it is needed and again after it failed."""

    def __init__(self, url: str) -> None:
        self._host, _, path = url.removeprefix("http://").partition("/")
        self._path = f"/{path}"
        self._connection: http.client.HTTPConnection | None = None

    def call(self, task: str, version: str, worker: str) -> None:
        """Make one call; the receiver tells a repeated one by its idempotency key.

        Raises:
            ReceiverAwayError: no answer, or a refusal; whether the call was received is not known.
        """
        headers = {"Task-Id": task, "Idempotency-Key": task, "Version": version, "Worker": worker}
        try:
            with _at_most(CALL_SECONDS):
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(self._host)
                self._connection.request("POST", self._path, b"", headers)
                answer = self._connection.getresponse()
                answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ReceiverAwayError(type(error).__name__) from error
        if answer.status >= 300:
            raise ReceiverAwayError(str(answer.status))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after that time: a cut link answers nothing, and libpq would wait for ever."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Worker:
    """Takes tasks from one queue until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings.database_url)
        self._backoff = Backoff()
        self._stopping = False
        self._unacknowledged = 0
        self._last_tag = 0
        self._done = 0
        self._receiver = Receiver(settings.effects_url) if settings.effects_url else None

    def stop(self) -> None:
        """Finish the task in hand, take no other; leave by force when the broker or the database keeps it from ending in time."""
        if not self._stopping:
            self._stopping = True
            limit = threading.Timer(self._settings.drain_seconds, _leave_by_force)
            limit.daemon = True
            limit.start()

    def run(self) -> None:
        while not self._stopping:
            try:
                self._serve()
            except (AMQPError, AMQPConnectorException, OSError) as error:
                log("broker away", error=type(error).__name__)
                if not self._stopping:
                    time.sleep(self._backoff.pause())
        self._database.close()
        if self._receiver is not None:
            self._receiver.close()
        log("stopped", done=self._done)

    def _serve(self) -> None:
        parameters = pika.URLParameters(self._settings.amqp_url)
        parameters.heartbeat = self._settings.heartbeat
        parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
        parameters.client_properties = {"connection_name": self._settings.worker}
        connection = pika.BlockingConnection(parameters)
        try:
            self._consume(connection, connection.channel())
        finally:
            if connection.is_open:
                connection.close()  # tasks that were sent ahead and never started go back to the queue at once

    def _consume(self, connection: pika.BlockingConnection, channel: Any) -> None:
        channel.basic_qos(prefetch_count=self._settings.prefetch)
        self._unacknowledged = 0
        log("consuming", queue=self._settings.queue, version=self._settings.version)
        idle_since = time.monotonic()
        for method, properties, body in channel.consume(self._settings.queue, inactivity_timeout=TICK_SECONDS):
            if method is not None and not self._stopping:
                self._take(connection, channel, method, properties, body)
                self._backoff.reset()
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.ack_idle_seconds:
                self._acknowledge(channel)
            if self._stopping:
                self._acknowledge(channel)
                return
        raise AMQPError("the broker cancelled the consumer")

    def _take(self, connection: pika.BlockingConnection, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        task = properties.message_id or ""
        mine = {"task": task, "version": self._settings.version, "worker": self._settings.worker}
        if not self._insist(connection, EXECUTING, mine):
            return
        try:
            self._work(connection, _decoded(task, body))
        except TaskError as error:
            log("task failed", task=task, error=str(error))
            if self._insist(connection, FAILED, mine):
                channel.basic_reject(method.delivery_tag, requeue=False)
            return
        intended_at = (properties.headers or {}).get("intended_at", time.time_ns())
        result = {**mine, "wait_ms": (time.time_ns() - intended_at) / 1e6}
        if self._insist(connection, COMPLETED_ONCE if self._settings.inbox else COMPLETED_CARELESSLY, result):
            self._done += 1
            self._unacknowledged, self._last_tag = self._unacknowledged + 1, method.delivery_tag
            if self._unacknowledged >= self._settings.ack_every:
                self._acknowledge(channel)

    def _work(self, connection: pika.BlockingConnection, task: dict[str, Any]) -> None:
        """Your own handler goes here. One that blocks for longer than a heartbeat needs a thread of its own."""
        del task
        if self._settings.work_seconds:
            connection.sleep(self._settings.work_seconds)  # serves heartbeats meanwhile

    def _insist(self, connection: pika.BlockingConnection, statement: str, values: dict[str, Any]) -> bool:
        """Run a statement until the database has taken it; False when the worker must stop first (the task goes back)."""
        if statement in COMPLETED and not self._call(connection, values):
            return False
        while True:
            try:
                self._database.run(statement, values)
                return True
            except DatabaseAwayError as error:
                log("database away", error=str(error))
                if self._stopping:
                    return False
                connection.sleep(self._backoff.pause())

    def _acknowledge(self, channel: Any) -> None:
        if self._unacknowledged:
            channel.basic_ack(self._last_tag, multiple=self._unacknowledged > 1)
            self._unacknowledged = 0

    def _call(self, connection: pika.BlockingConnection, values: dict[str, Any]) -> bool:
        """Make the task's call until it is answered, if there is one to make; False when the worker must stop first."""
        while self._receiver is not None:
            try:
                self._receiver.call(values["task"], values["version"], values["worker"])
                break
            except ReceiverAwayError as error:
                log("receiver away", error=str(error))
                if self._stopping:
                    return False
                connection.sleep(self._backoff.pause())
        return True


def _decoded(task: str, body: bytes) -> dict[str, Any]:
    """What a message asks for.

    Raises:
        TaskError: this version cannot do such a task; the message says why.
    """
    try:
        content = json.loads(body)
    except ValueError as error:
        raise TaskError("the body is not JSON") from error
    if not task or not isinstance(content, dict) or "type" not in content:
        raise TaskError("a task needs a message_id and a type")
    known = [fields for type, fields in SHAPES if type == content["type"]]
    if SHAPES and not known:
        raise TaskError(f"no handler for tasks of type {content['type']}")
    if known and not any(fields <= content.keys() for fields in known):
        raise TaskError(f"a {content['type']} without {' and '.join(sorted(known[0] - content.keys()))}")
    return content


def _shapes(text: str) -> list[tuple[str, set[str]]]:
    """From ``charge:amount,currency notify``: task types, and the fields that their bodies must have."""
    named = (word.partition(":") for word in text.split())
    return [(type, set(fields.split(",")) if fields else set()) for type, _, fields in named]


SHAPES = _shapes(os.environ.get("SHAPES", ""))
"""What this version can decode; none: everything that names its type."""


def decode_dry(lines: Iterator[str]) -> None:
    """Answer for each message of ``--decode``; nothing else happens to it."""
    for line in lines:
        asked = json.loads(line)
        answer: dict[str, Any] = {"message": asked["message"], "decoded": True}
        try:
            _decoded(asked["properties"].get("message_id") or "", base64.b64decode(asked["body"]))
        except TaskError as error:
            answer |= {"decoded": False, "reason": str(error)}
        print(json.dumps(answer), flush=True)


def _leave_by_force() -> None:
    log("left by force")  # what was not acknowledged is delivered to another worker, whose inbox knows what was done
    os._exit(1)


def _timed_out(*_: Any) -> None:
    raise TimeoutError


def main() -> int:
    if sys.argv[1:] == ["--decode"]:
        decode_dry(sys.stdin)
        return 0
    try:
        settings = Settings.from_environment(dict(os.environ))
    except KeyError as missing:
        log("cannot start", missing=str(missing))
        return 2
    worker = Worker(settings)
    signal.signal(signal.SIGALRM, _timed_out)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, lambda *_: worker.stop())
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
