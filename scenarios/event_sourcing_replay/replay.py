"""Sends dead letters back to the queue in which they died: each once, at a limited rate, and as new.

- Once. A ledger, one line of JSON a message, says which have been sent and confirmed. A run that was interrupted is repeated: what is in
  the ledger is only taken off the dead-letter queue. One whose confirm was lost is sent again, as nobody can know whether it arrived; that
  is why the handler must be idempotent.
- To that queue alone, by the default exchange. Sent to the topic exchange, the other consumers of the message would get it once more.
- As new: without the headers that count its old deliveries and deaths, or the consumer gives it up at once.
- Marked. A message that comes back dead carries the mark of its replay. It is left where it is, for a person: replaying it again would
  only turn the wheel.

Exit code 75: the connection was lost, run it again. 1: some messages were left. The broker's address comes from AMQP_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

OF_ITS_PAST = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
MARK = "replayed-at"
TRY_AGAIN = 75


def replay(channel: BlockingChannel, queue: str, ledger: Path, rate: float) -> int:
    """Replay what remains in the queue; give how many messages were left, because they died again."""
    channel.confirm_delivery()
    ledger.touch()
    sent = {json.loads(line)["message"] for line in ledger.read_text().splitlines()}
    before, left = len(sent), 0
    with ledger.open("a") as lines:
        while True:
            method, properties, body = channel.basic_get(queue)
            if method is None:
                break
            headers = properties.headers or {}
            if MARK in headers:
                left += 1  # not acknowledged: it is back in the queue when this run ends
                continue
            if properties.message_id not in sent:
                origin = headers["x-first-death-queue"]
                properties.headers = {name: value for name, value in headers.items() if not name.startswith(OF_ITS_PAST)}
                properties.headers[MARK] = time.time_ns()
                channel.basic_publish("", origin, body, properties, mandatory=True)  # returns when confirmed, raises when refused
                lines.write(json.dumps({"message": properties.message_id, "to": origin, "at": time.time_ns()}) + "\n")
                lines.flush()
                sent.add(properties.message_id)
                channel.connection.sleep(1 / rate)
            channel.basic_ack(method.delivery_tag)
    print(f"{queue}: {len(sent) - before} replayed, {len(sent)} in the ledger, {left} died again and were left")
    return left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue", help="the dead-letter queue")
    parser.add_argument("--ledger", type=Path, required=True, help="what has been replayed; kept between runs")
    parser.add_argument("--rate", type=float, required=True, help="messages a second")
    given = parser.parse_args()
    try:
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
        left = replay(connection.channel(), given.queue, given.ledger, given.rate)
        connection.close()
    except (AMQPError, AMQPConnectorException, OSError) as error:
        print(f"{given.queue}: {type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(TRY_AGAIN) from error
    raise SystemExit(1 if left else 0)


if __name__ == "__main__":
    main()
