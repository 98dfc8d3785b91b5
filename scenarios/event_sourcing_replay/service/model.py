"""What is booked, as aggregates: their events are the truth, everything else is made from them and can be made again.

An account's events are the money. A payment's events are what became of one message: received, started, failed, booked. Both are saved in
one transaction, so that a payment is marked as booked exactly when its money is; that is what makes the handler idempotent.
"""

from __future__ import annotations

import os
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from eventsourcing.postgres import PostgresDatastore, PostgresFactory
from psycopg.conninfo import conninfo_to_dict


class Account(Aggregate):
    """Money, in cents."""

    class Booked(Aggregate.Event):
        account: str
        payment: str
        cents: int
        by: str

        def apply(self, account: Account) -> None:
            account.balance += self.cents

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name = name
        self.balance = 0

    @staticmethod
    def create_id(name: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/accounts/{name}")

    def book(self, payment: str, cents: int, by: str) -> None:
        self.trigger_event(self.Booked, account=self.name, payment=payment, cents=cents, by=by)


class Payment(Aggregate):
    """One message, and what became of it."""

    class Started(Aggregate.Event):
        by: str

    class Failed(Aggregate.Event):
        by: str
        reason: str

    class Booked(Aggregate.Event):
        by: str

        def apply(self, payment: Payment) -> None:
            payment.booked = True

    @event("Received")
    def __init__(self, message: str) -> None:
        self.message = message
        self.booked = False

    @staticmethod
    def create_id(message: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/payments/{message}")

    def start(self, by: str) -> None:
        self.trigger_event(self.Started, by=by)

    def fail(self, by: str, reason: str) -> None:
        self.trigger_event(self.Failed, by=by, reason=reason)

    def book(self, by: str) -> None:
        self.trigger_event(self.Booked, by=by)


class Ledger(Application[UUID]):
    """The accounts and payments in PostgreSQL, with the events in the table ledger_events."""

    name = "ledger"

    @property
    def datastore(self) -> PostgresDatastore:
        """The database it is in, for others who write there."""
        assert isinstance(self.factory, PostgresFactory)
        return self.factory.datastore

    def start(self, message: str, by: str) -> bool:
        """Note that the message is being worked on; False when it was booked before and there is nothing to do."""
        payment = self._payment(message)
        if payment.booked:
            return False
        payment.start(by)
        self.save(payment)
        return True

    def book(self, message: str, account: str, cents: int, by: str) -> None:
        """Book it, once: a payment that somebody else has booked meanwhile is left alone."""
        while True:
            payment = self._payment(message)
            if payment.booked:
                return
            if self._saved(payment, account, cents, by):
                return

    def book_again(self, message: str, account: str, cents: int, by: str) -> None:
        """Book it without asking whether it was booked before: what a handler without an inbox does."""
        while not self._saved(self._payment(message), account, cents, by):
            pass

    def fail(self, message: str, by: str, reason: str) -> None:
        payment = self._payment(message)
        payment.fail(by, reason)
        self.save(payment)

    def _saved(self, payment: Payment, name: str, cents: int, by: str) -> bool:
        """Save both, or neither: False when another worker has changed one of them since it was read."""
        account = self._account(name)
        account.book(payment.message, cents, by)
        payment.book(by)
        try:
            self.save(payment, account)
        except IntegrityError:
            return False
        return True

    def _payment(self, message: str) -> Payment:
        try:
            return self.repository.get(Payment.create_id(message))
        except AggregateNotFoundError:
            return Payment(message)

    def _account(self, name: str) -> Account:
        try:
            return self.repository.get(Account.create_id(name))
        except AggregateNotFoundError:
            return Account(name)


def open_ledger() -> Ledger:
    """The ledger in the database that DATABASE_URL names. Its tables belong to the deployment (schema.sql), and are not made here."""
    given = {key: str(value) for key, value in conninfo_to_dict(os.environ["DATABASE_URL"]).items()}
    return Ledger(
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": given["dbname"],
            "POSTGRES_HOST": given["host"],
            "POSTGRES_PORT": given["port"],
            "POSTGRES_USER": given["user"],
            "POSTGRES_PASSWORD": given["password"],
            "POSTGRES_POOL_SIZE": "2",
            "POSTGRES_CONNECT_TIMEOUT": "3",  # seconds; the library then tries nine times more
            "CREATE_TABLE": "no",
        }
    )
