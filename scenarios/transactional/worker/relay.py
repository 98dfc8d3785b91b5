"""The outbox's relay: publishes what the workers have committed, and marks it when the broker has confirmed it.

It reads a batch of unsent rows and keeps them locked, publishes each with a confirm, marks them sent, commits. Killed between a confirm and
the commit, it publishes those rows again when it is back: each message goes out at least once, and the receiver's inbox makes that once.
Several relays can run at once (`skip locked`). Nothing is declared here, and nothing is consumed.
"""

from __future__ import annotations

import signal
import time
from typing import Any

from messages import publish
from outside import AwayError, Database
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from settings import Backoff, Settings, connect, log

BATCH = 20
IDLE_SECONDS = 0.05

UNSENT = "select id, task, step from outbox where sent_at is null order by id limit %s for update skip locked"
SENT = "update outbox set sent_at = clock_timestamp() where id = any(%s)"


class Relay:
    """Serves the outbox until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(settings.database_url)
        self._backoff = Backoff()
        self._stopping = False

    def stop(self) -> None:
        """Finish the batch in hand, begin no other."""
        self._stopping = True

    def run(self) -> None:
        while not self._stopping:
            try:
                self._serve()
            except (AwayError, AMQPError, AMQPConnectorException, OSError) as error:
                log("away", error=str(error) or type(error).__name__)
                time.sleep(self._backoff.pause())
        self._database.close()
        log("stopped")

    def _serve(self) -> None:
        connection = connect(self._settings)
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            log("relaying")
            while not self._stopping:
                if not self._send(channel):
                    connection.sleep(IDLE_SECONDS)  # answers heartbeats meanwhile
                self._backoff.reset()
        finally:
            if connection.is_open:
                connection.close()

    def _send(self, channel: Any) -> int:
        """Publish one batch and mark it; gives its size."""
        with self._database.transaction() as rows:
            batch = rows.execute(UNSENT, [BATCH]).fetchall()
            for _, task, step in batch:
                publish(channel, task, step)
            if batch:
                rows.execute(SENT, [[id for id, *_ in batch]])
        return len(batch)


def main() -> None:
    relay = Relay(Settings.from_environment())
    signal.signal(signal.SIGTERM, lambda *_: relay.stop())
    signal.signal(signal.SIGINT, lambda *_: relay.stop())
    relay.run()


if __name__ == "__main__":
    main()
