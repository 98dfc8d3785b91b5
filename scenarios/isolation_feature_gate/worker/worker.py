"""A worker for tasks of several types, some of them behind a feature flag.

It takes tasks from QUEUE. A task's type says how it is done; a type in GATED is done only while its flag is on, which is asked of flagd
through OpenFeature before each such task. While the flag is off the task is refused, and the queue's dead-letter settings put it
where somebody looks at it. Inbox row, effect and state are one transaction; the acknowledgement comes after it.

Environment: AMQP_URL, DATABASE_URL, QUEUE, WORKER, VERSION; FLAGS_SYNC_ADDRESS (flagd); ASK_FLAG=off is for a known-bad control.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any
from zlib import crc32

import pika
import psycopg
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType

GATED = {"report_v2": "new-report"}
"""Task types behind a flag, and its key."""
DONE = """
with fresh as (insert into inbox (task) values (%(task)s) on conflict do nothing returning task),
effect as (insert into effects (task, type, version, worker) select task, %(type)s, %(version)s, %(worker)s from fresh)
insert into task_state (task, state, version, worker) select task, 'completed', %(version)s, %(worker)s from fresh
on conflict (task) do update set state = excluded.state, version = excluded.version, worker = excluded.worker, updated_at = now()
"""
FAILED = """
insert into task_state (task, state, version, worker) values (%(task)s, 'failed', %(version)s, %(worker)s)
on conflict (task) do update set version = excluded.version, worker = excluded.worker, updated_at = now() where task_state.state = 'failed'
"""


class RenderError(Exception):
    """The new report's bug: it cannot render every report."""


def charge(_: str) -> None:
    time.sleep(0.002)


def report(_: str) -> None:
    time.sleep(0.005)


def report_v2(task: str) -> None:
    time.sleep(1.0)  # it is slow, too
    if crc32(task.encode()) % 2:
        raise RenderError(f"{task}: no template for this report")


HANDLERS = {"charge": charge, "report": report, "report_v2": report_v2}


class Flags:
    """What flagd says, by its own stream; off until it has said anything, and what it said last while it is away."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        provider = FlagdProvider(
            host=host, port=int(port), resolver_type=ResolverType.IN_PROCESS, retry_backoff_ms=500, retry_backoff_max_ms=500
        )
        api.set_provider(provider)
        self._client = api.get_client()

    def allow(self, kind: str) -> bool:
        """Whether tasks of this type are to be done now."""
        return kind not in GATED or self._client.get_boolean_value(GATED[kind], False)


def log(event: str, **more: Any) -> None:
    print(json.dumps({"at": round(time.time(), 3), "event": event, **more}), flush=True)


class Worker:
    def __init__(self) -> None:
        self.who = {"worker": os.environ["WORKER"], "version": os.environ["VERSION"]}
        self.flags = Flags(os.environ["FLAGS_SYNC_ADDRESS"])
        self.asks = os.environ.get("ASK_FLAG", "on") != "off"
        self.database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: Any) -> None:
        self.stopping = True

    def run(self) -> None:
        """Take tasks until told to stop; closing the connection gives back what was taken ahead."""
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
        channel = connection.channel()
        channel.basic_qos(prefetch_count=int(os.environ.get("PREFETCH", "5")))
        for method, properties, _ in channel.consume(os.environ["QUEUE"], inactivity_timeout=0.2):
            if self.stopping:
                break
            if method is not None:
                self.take(channel, method.delivery_tag, properties.message_id, properties.type)
        connection.close()
        log("stopped")

    def take(self, channel: Any, tag: int, task: str, kind: str) -> None:
        """Do one task, or refuse it, or give it back to be tried again; the queue's delivery limit ends that."""
        if kind not in HANDLERS or (self.asks and not self.flags.allow(kind)):
            log("refused", task=task, type=kind)
            channel.basic_reject(tag, requeue=False)
            return
        try:
            HANDLERS[kind](task)
        except RenderError as error:
            log("failed", task=task, why=str(error))
            self.database.execute(FAILED, {"task": task, **self.who})
            channel.basic_nack(tag, requeue=True)
        else:
            self.database.execute(DONE, {"task": task, "type": kind, **self.who})
            channel.basic_ack(tag)


if __name__ == "__main__":
    Worker().run()
