"""The decision before a version's share is raised: has it done well with what it has? Exits 1 and says why where it has not.

It looks at tasks that were done from now on, until there are enough of them to say something: none of the new version's may have failed,
and none of those that both versions can do may wait much longer with the new one than with the old.
"""

from __future__ import annotations

import argparse
import os
import time

import psycopg

POLL_SECONDS = 0.2
SEEN = "select count(*) from effects where version = %(new)s and at > %(since)s"
FAILED = "select count(*) from task_state where version = %(new)s and state = 'failed'"
SLOWER = """
select coalesce(percentile_cont(0.9) within group (order by wait_ms) filter (where version = %(new)s)
              - percentile_cont(0.9) within group (order by wait_ms) filter (where version = %(old)s), 0)
from effects where at > %(since)s and task like 'charge-%%'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--new", required=True, metavar="VERSION")
    parser.add_argument("--old", required=True, metavar="VERSION")
    parser.add_argument("--tasks", type=int, default=30, help="enough of them to decide")
    parser.add_argument("--slower", type=float, default=500.0, help="milliseconds that the new version may be slower")
    parser.add_argument("--within", type=float, default=120.0, help="seconds that so many tasks may take")
    given = parser.parse_args()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        values = {"new": given.new, "old": given.old, "since": _one(database, "select clock_timestamp()", {})}
        give_up_at = time.monotonic() + given.within
        while (done := _one(database, SEEN, values)) < given.tasks:
            if time.monotonic() >= give_up_at:
                raise SystemExit(f"{given.new} has done {done} tasks in {given.within:g} s; {given.tasks} were asked for")
            time.sleep(POLL_SECONDS)
        failed, slower = _one(database, FAILED, values), _one(database, SLOWER, values)
    if failed:
        raise SystemExit(f"{failed} tasks failed with {given.new}")
    if slower > given.slower:
        raise SystemExit(f"{given.new} is {slower:.0f} ms slower than {given.old}")
    print(f"{given.new}: {done} tasks done, none failed, {slower:+.0f} ms against {given.old}: go on")


def _one(database: psycopg.Connection, query: str, values: dict[str, object]) -> object:
    row = database.execute(query, values).fetchone()
    assert row is not None
    return row[0]


if __name__ == "__main__":
    main()
