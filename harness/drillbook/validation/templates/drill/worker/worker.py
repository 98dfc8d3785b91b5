"""A stand-in for your worker: takes tasks from a queue and writes one effect for each, however often it is delivered.

Replace this folder by your own, or give your image in scenario.yaml. A slowed or cut link is healed by closing its connections, so a
worker must connect again by itself, as in production.
"""

import os
import signal
import time
from typing import Any

import pika
import pika.exceptions
import psycopg
from pika.adapters.utils.connection_workflow import AMQPConnectorException

ONCE = """
with fresh as (insert into inbox (message) values (%(task)s) on conflict do nothing returning message)
insert into effects (task, key, version, worker) select message, message, %(version)s, %(worker)s from fresh
"""

stopping = False


def stop(*_: object) -> None:
    global stopping
    stopping = True


def serve() -> None:
    me = {"version": os.environ["VERSION"], "worker": os.environ["WORKER"]}
    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database,
        # Closed whatever happens: a connection that is forgotten keeps what was sent ahead, and no other worker gets it.
        pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as broker,
    ):
        channel: Any = broker.channel()
        channel.basic_qos(prefetch_count=10)
        for method, properties, _body in channel.consume(os.environ["QUEUE"], inactivity_timeout=0.2):
            if stopping:
                break
            if method is not None:
                database.execute(ONCE, {**me, "task": properties.message_id})
                channel.basic_ack(method.delivery_tag)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    while not stopping:
        try:
            serve()
        except (pika.exceptions.AMQPError, AMQPConnectorException, psycopg.OperationalError, OSError) as error:
            print("connecting again:", error or type(error).__name__, flush=True)
            time.sleep(0.2)


main()
