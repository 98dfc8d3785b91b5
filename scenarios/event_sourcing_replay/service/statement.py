"""The projection: the statement of each account, a line a booking, with the balance after it. Made from the events, in their order.

Each line is written in one transaction with the position in the events up to which the statement is complete. So a projector that dies
goes on where it was, and one that is late reads a line twice and writes it once.
"""

from __future__ import annotations

import time
from uuid import UUID

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import IntegrityError, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from eventsourcing.utils import get_topic
from model import Account, Ledger
from psycopg.sql import SQL, Identifier

BATCH = 100
ADD = SQL("""
insert into {table} (account, line, payment, cents, balance, projected_by)
select %(account)s, %(line)s, %(payment)s, %(cents)s, %(cents)s + coalesce(
    (select balance from {table} where account = %(account)s order by line desc limit 1), 0), %(by)s
""")


class Statement(PostgresTrackingRecorder):
    """The table of the lines, and beside it, in <table>_position, how far it has come."""

    def __init__(self, datastore: PostgresDatastore, table: str = "statement") -> None:
        super().__init__(datastore, tracking_table_name=f"{table}_position")
        self._add = ADD.format(table=Identifier(table))

    def add(self, booked: Account.Booked, cents: int, by: str, position: Tracking) -> None:
        line = {"account": booked.account, "line": booked.originator_version, "payment": booked.payment, "cents": cents, "by": by}
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, position)  # refuses a position that it has passed
            cursor.execute(self._add, line)


class Lines(Projection[Statement]):
    """Writes a line for each booking."""

    topics = (get_topic(Account.Booked),)

    def __init__(self, statement: Statement, by: str) -> None:
        super().__init__(statement)
        self._by = by

    @singledispatchmethod
    def process_event(self, domain_event: DomainEventProtocol[UUID], tracking: Tracking) -> None:
        raise NotImplementedError(f"a statement has no line for {type(domain_event)}")

    @process_event.register
    def booked(self, domain_event: Account.Booked, tracking: Tracking) -> None:
        self.view.add(domain_event, self.shown(domain_event.cents), self._by, tracking)

    def shown(self, cents: int) -> int:
        return cents


def catch_up(ledger: Ledger, lines: Lines, pause_seconds: float = 0.0) -> int:
    """Project what the statement does not have yet; give how many lines that was.

    Args:
        pause_seconds: after each line, so that a long rebuild leaves the database to others.
    """
    written = 0
    while True:
        after = lines.view.max_tracking_id(ledger.name)
        found = ledger.recorder.select_notifications(after, BATCH, topics=lines.topics, inclusive_of_start=False)
        for notification in found:
            try:
                lines.process_event(ledger.mapper.to_domain_event(notification), Tracking(ledger.name, notification.id))
            except IntegrityError:
                return written  # another projector is at it
            written += 1
            time.sleep(pause_seconds)
        if len(found) < BATCH:
            return written
