"""A job: makes the statement anew from the first event on, beside the one in use, and lets them change places.

It can be killed at any time and started again: the new statement says itself how far it has come. Nobody sees it before it is complete.

Environment: DATABASE_URL, WORKER; LINES_PER_SECOND (default 500), as others need the database too.
"""

from __future__ import annotations

import os

from consumer import log
from model import open_ledger
from statement import Lines, Statement, catch_up

CHANGE_PLACES = """
drop table statement, statement_position;
alter table statement_rebuilt rename to statement;
alter table statement_rebuilt_position rename to statement_position;
create table statement_rebuilt (like statement including all);
create table statement_rebuilt_position (like statement_position including all);
"""


def main() -> None:
    ledger = open_ledger()
    rebuilt = Statement(ledger.datastore, "statement_rebuilt")
    log("rebuilding", after=rebuilt.max_tracking_id(ledger.name))
    lines = Lines(rebuilt, os.environ["WORKER"])
    written = catch_up(ledger, lines, pause_seconds=1 / float(os.environ.get("LINES_PER_SECOND", "500")))
    with ledger.datastore.transaction(commit=True) as cursor:
        cursor.execute("lock table statement, statement_position in access exclusive mode")  # nobody adds a line meanwhile
        written += catch_up(ledger, lines)
        cursor.execute(CHANGE_PLACES)
    log("rebuilt", lines=written)
    ledger.close()


if __name__ == "__main__":
    main()
