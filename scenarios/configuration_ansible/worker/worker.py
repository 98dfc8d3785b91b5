"""A worker whose settings are a file: what it consumes, how the queue is declared, how many tasks it is given at once, how long one takes.

The file is read once, at the start. What the worker runs with since then it says in two places: in /run/worker/settings.json, and with
every effect it writes, as the settings' release and hash. A changed file alone changes nothing: the worker has to be restarted.

Effects and the task's state are written once, by an inbox in the same transaction, and a task is acknowledged after that. The environment
gives AMQP_URL, DATABASE_URL and WORKER, its own name.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pika
import psycopg
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

SETTINGS = Path("/etc/worker/settings.json")
RUNNING = Path("/run/worker/settings.json")
PAUSE_SECONDS = 0.5
TICK_SECONDS = 0.2

BEGUN = """
insert into task_state (task, state, version, worker) values (%(task)s, 'executing', %(version)s, %(worker)s)
on conflict (task) do update set state = 'executing', version = %(version)s, worker = %(worker)s, updated_at = clock_timestamp()
where task_state.state <> 'completed'
"""
GIVEN_BACK = """
update task_state set state = 'queued', updated_at = clock_timestamp() where task = %(task)s and worker = %(worker)s and state = 'executing'
"""
DONE = """
with fresh as (insert into inbox (message) values (%(task)s) on conflict do nothing returning message),
     effect as (insert into effects (task, key, version, worker, wait_ms)
                select message, message, %(version)s, %(worker)s, %(wait_ms)s from fresh)
update task_state set state = 'completed', version = %(version)s, worker = %(worker)s, updated_at = clock_timestamp()
where task in (select message from fresh)
"""


class Worker:
    """Takes tasks from one queue until it is told to stop."""

    def __init__(self, settings: dict) -> None:
        self.settings = settings
        text = json.dumps(settings, sort_keys=True)
        self.version = f"{settings['release']}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
                    self.serve(database)
            except (AMQPError, AMQPConnectorException, psycopg.Error, OSError) as error:
                print(f"away: {error!r}", flush=True)
                time.sleep(PAUSE_SECONDS)

    def serve(self, database: psycopg.Connection) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
        try:
            channel = connection.channel()
            # As most frameworks do it. Where the queue is there with another type, the broker answers 406, every time.
            channel.queue_declare(self.settings["queue"], durable=True, arguments=self.settings["arguments"])
            channel.basic_qos(prefetch_count=self.settings["prefetch"])
            print(f"{self.version} consumes from {self.settings['queue']}", flush=True)
            for method, properties, _ in channel.consume(self.settings["queue"], inactivity_timeout=TICK_SECONDS):
                if method is not None and self.work(connection, database, properties):
                    channel.basic_ack(method.delivery_tag)
                if self.stopping:
                    return
            raise AMQPError("the broker cancelled the consumer")
        finally:
            if connection.is_open:
                connection.close()  # what was not acknowledged goes back to the queue at once

    def work(self, connection: pika.BlockingConnection, database: psycopg.Connection, properties: pika.BasicProperties) -> bool:
        """Do a task; False where the worker was told to stop before it was done."""
        task = {"task": properties.message_id, "version": self.version, "worker": os.environ["WORKER"]}
        database.execute(BEGUN, task)
        done_at = time.monotonic() + self.settings["work_ms"] / 1000
        while (left := done_at - time.monotonic()) > 0 and not self.stopping:
            connection.sleep(min(left, TICK_SECONDS))  # your own handler goes here
        if self.stopping:
            database.execute(GIVEN_BACK, task)
            return False
        intended_at = (properties.headers or {}).get("intended_at", time.time_ns())
        wait_ms = (time.time_ns() - intended_at) / 1e6
        database.execute(DONE, task | {"wait_ms": wait_ms})
        return True

    def stop(self) -> None:
        """Give back what is not done, and take no other."""
        self.stopping = True


def main() -> None:
    text = SETTINGS.read_text()
    worker = Worker(json.loads(text))
    RUNNING.write_text(text)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main()
