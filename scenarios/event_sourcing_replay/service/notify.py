"""The consumer `notify`: the other subscriber of the same messages. It tells the customer, once a payment; it knows no ledger."""

from __future__ import annotations

import os

import psycopg
from consumer import Consumer
from eventsourcing.persistence import OperationalError

ONCE = "insert into notices (message, sent_by) values (%s, %s) on conflict do nothing"


class Notify:
    def __init__(self) -> None:
        self._by = os.environ["WORKER"]
        self._database: psycopg.Connection | None = None

    def handle(self, message: str, _: str) -> None:
        try:
            if self._database is None or self._database.closed:
                self._database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=3)
            self._database.execute(ONCE, [message, self._by])
        except psycopg.OperationalError as error:
            raise OperationalError(str(error)) from error


if __name__ == "__main__":
    Consumer(Notify().handle, give_up=lambda *_: None, idle=lambda: None).run()
