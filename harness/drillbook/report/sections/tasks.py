"""Where every task ended: the sum, their states by the evidence, and those by the workers' own word."""

from __future__ import annotations

from dataclasses import dataclass

from drillbook.report.section import Facts, Reported, Section
from drillbook.report.source import ReportSource

STATES = {
    "completed": "done, by the effects",
    "executing": "not done; delivered, and not acknowledged",
    "queued": "not done; ready in a queue, delayed, or in an outbox",
    "failed": "not done; in a dead-letter queue",
    "cancelled": "not done; in the playbook's cancel ledger",
    "nowhere": "not done, and found in no place",
}
"""States of a task at the end, and how each is told from evidence. One in several places is in the one that it can still leave."""


@dataclass(frozen=True)
class SaidState:
    """A state in the workers' own table, and what the evidence says of the tasks in it."""

    state: str
    tasks: int
    done: int
    """Of them: done, by the effects."""


def states(source: ReportSource) -> dict[str, dict[str, int]] | None:
    """Tasks by state and by outcome of their publish (ok, unknown, fail, foreign); None where effects or leftovers were not collected.

    ``foreign`` are tasks that no publish names; arrivals that were skipped are not tasks.
    """
    if not source.has("effects", "leftovers"):
        return None
    rows = source.rows(
        """
        select case when effects > 0 then 'completed' when remains_in = 'unacked' then 'executing'
                    when remains_in in ('ready', 'delayed', 'outbox') then 'queued' when remains_in = 'dead' then 'failed'
                    when remains_in = 'cancelled' then 'cancelled' else 'nowhere' end as state,
               coalesce(nullif(outcome, 'skipped'), 'foreign') as outcome, count(*)
        from all_tasks where outcome is distinct from 'skipped' or effects > 0 or remains_in is not null group by 1, 2
        """
    )
    found = {(state, outcome): count for state, outcome, count in rows}
    outcomes = [outcome for outcome in ("ok", "unknown", "fail", "foreign") if any(key[1] == outcome for key in found)]
    return {state: {outcome: found.get((state, outcome), 0) for outcome in outcomes} for state in STATES}


def said(source: ReportSource) -> list[SaidState] | None:
    """Tasks by their state in the workers' own table; None where the scenario names none."""
    if not source.has("states"):
        return None
    rows = source.rows("""
        select state, count(*), count(*) filter (task in (select task from done_tasks where effects > 0)) from states
        where state is not null group by state order by list_position(['queued', 'executing', 'completed', 'failed'], state), state
    """)
    return [SaidState(*row) for row in rows]


def _facts(run: Reported) -> Facts:
    return {"states": states(run.source), "meanings": STATES, "said_states": said(run.source)}


section = Section(
    "Where every task ended",
    place=30,
    facts=_facts,
    link="Tasks",
    about="confirmed = done + dead-lettered + queued + cancelled + missing, and planned = confirmed + failed + unknown + skipped; "
    "planned are all that were due, and those that never came are told. A sum that does not add up is called so. Where the "
    "scenario names the workers' own table of task states, what it says is set beside what the effects say.",
)
