"""The workers of this drill, v1 and v2: every task ends in one row of `effects`, and `task_state` says where each task is.

There is no inbox: a task that is handed out twice is done twice. That is on purpose, so that nothing but the rollback script stands between
a rollback and a second payout. The effect and the state `completed` are one transaction.

Environment: AMQP_URL, DATABASE_URL, QUEUE, WORKER, VERSION. What is wrong with v2 is in its environment too:

    LEAKS=on       a payout never gives its bank connection back; the sixth waits for one until the worker is told to stop
    CANNOT=export  fails on this type, three times in a row, then marks it failed and acknowledges it
    ACK_LAG=4      acknowledges late, to save round trips: the last four done tasks are always unacknowledged
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import pika
import psycopg
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

BANK_CONNECTIONS = 5
BANK_SECONDS = 5.0
"""How long a payout still waits for a free connection when the worker is told to stop; then it opens one of its own."""
TRIES = 3
PAUSE_SECONDS = 0.5
TICK_SECONDS = 0.2
"""How soon an idle worker sees that it shall stop."""

EXECUTING = """
insert into task_state (task, type, body, state, version, worker, attempts, sent_at)
values (%(task)s, %(type)s, %(body)s, 'executing', %(version)s, %(worker)s, 1, %(sent_at)s)
on conflict (task) do update set state = 'executing', version = excluded.version, worker = excluded.worker,
                                 attempts = task_state.attempts + 1, updated_at = now()
"""
COMPLETED = """
with effect as (insert into effects (task, key, version, worker) values (%(task)s, %(task)s, %(version)s, %(worker)s))
update task_state set state = 'completed', version = %(version)s, worker = %(worker)s, updated_at = now() where task = %(task)s
"""
FAILED = "update task_state set state = 'failed', version = %(version)s, worker = %(worker)s, updated_at = now() where task = %(task)s"


class Bank:
    """A pool of connections to the bank."""

    def __init__(self, leaks: bool) -> None:
        self._free = threading.Semaphore(BANK_CONNECTIONS)
        self._leaks = leaks
        self.closes_at = float("inf")

    def pay(self) -> None:
        while not (pooled := self._free.acquire(timeout=TICK_SECONDS)) and time.monotonic() < self.closes_at:
            pass
        if pooled and not self._leaks:
            self._free.release()


class Worker:
    """Takes tasks from one queue, one at a time, until it is told to stop."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._me = {"version": env["VERSION"], "worker": env["WORKER"]}
        self._bank = Bank(env.get("LEAKS") == "on")
        self._cannot = env.get("CANNOT")
        self._lag = int(env.get("ACK_LAG", "0"))
        self._stopping = False

    def stop(self, *_: Any) -> None:
        """Finish the task in hand, take no other."""
        self._stopping = True
        self._bank.closes_at = time.monotonic() + BANK_SECONDS

    def run(self) -> None:
        while not self._stopping:
            try:
                self._serve()
            except (AMQPError, AMQPConnectorException, psycopg.OperationalError, OSError) as error:
                log("away", error=type(error).__name__)
                time.sleep(PAUSE_SECONDS)
        log("stopped")

    def _serve(self) -> None:
        parameters = pika.URLParameters(self._env["AMQP_URL"])
        parameters.heartbeat = 600  # longer than a payout may wait for its connection
        with psycopg.connect(self._env["DATABASE_URL"], autocommit=True) as database, pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=20)
            done: deque[int] = deque()
            log("consuming", queue=self._env["QUEUE"], **self._me)
            for method, properties, body in channel.consume(self._env["QUEUE"], inactivity_timeout=TICK_SECONDS):
                if method is not None and body is not None and not self._stopping:
                    self._take(database, properties, body)
                    done.append(method.delivery_tag or 0)
                while len(done) > (0 if self._stopping else self._lag):
                    channel.basic_ack(done.popleft())
                if self._stopping:
                    return  # the connection closes, and tasks that were sent ahead go back to the queue

    def _take(self, database: psycopg.Connection[Any], properties: Any, body: bytes) -> None:
        sent_at = datetime.fromtimestamp(properties.headers["intended_at"] / 1e9, UTC)
        task = {**self._me, "task": properties.message_id, "type": properties.type, "body": body, "sent_at": sent_at}
        for _ in range(TRIES):
            database.execute(EXECUTING, task)
            try:
                self._work(properties.type)
            except ValueError as error:
                log("failed", task=properties.message_id, error=str(error))
            else:
                database.execute(COMPLETED, task)
                return
        database.execute(FAILED, task)

    def _work(self, type: str) -> None:
        """Your own handler goes here."""
        if type == self._cannot:
            raise ValueError(f"{self._me['version']} cannot read the columns of an {type}")
        if type == "payout":
            self._bank.pay()


def log(event: str, **more: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps({"at": round(time.time(), 3), "event": event, **more}), flush=True)


if __name__ == "__main__":
    worker = Worker(dict(os.environ))
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()
