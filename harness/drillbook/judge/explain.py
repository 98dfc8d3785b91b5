"""One task, explained: its whole story from every evidence, and what each declared invariant says of it. Pure, as the judge is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from drillbook.core.errors import UsageError
from drillbook.evidence.kinds import KINDS
from drillbook.judge.catalogue import catalogue
from drillbook.judge.database import EvidenceDatabase
from drillbook.judge.judge import judge
from drillbook.judge.query import QueryAnswer, ask
from drillbook.judge.run import Run
from drillbook.judge.task_story import stories
from drillbook.judge.verdict import Judgement, Result, StoryMoment, Verdict

SUGGESTED = 3
"""Ids suggested in place of one that the run does not know."""

_TOLD_BY = {stem: kind.told for stem, kind in KINDS.items() if kind.told}
"""The evidence that stories are told from, and what each tells."""

_IDS = " union ".join(f"select task from {stem} where task is not null" for stem, kind in KINDS.items() if "task" in kind.columns)  # noqa: S608

_CONTEXT = """
with spans as (
    select name, begin_at, coalesce(until_at, $until) as end_at, 'step "' || name || '"' as what from steps
)
select begin_at, what || ' begins' from spans where begin_at <= $until and end_at >= $since
union all
select end_at, 'step "' || name || '" ends' from steps where begin_at <= $until and end_at between $since and $until
union all
select "at", 'the fault "' || name || '" ' || case state when 'begin' then 'begins' when 'took_effect' then 'has taken effect' else 'has
cleared' end
         || coalesce(' on ' || array_to_string(mine, ', '), '')
from (select * exclude (name), timeline.name as name,
             list_filter(string_split(timeline.target, ', '),
                         lambda one: one in ('broker', 'database') or split_part(one, ' -> ', 1) in $holders) as mine
      from timeline join faults on faults.name = timeline.name and faults.target is not distinct from timeline.target
      where event = 'fault' and state in ('begin', 'took_effect', 'cleared') and "at" <= $until
        and begin_at <= $until and coalesce(cleared_at, $until) >= $since)
where mine is null or len(mine) > 0
order by 1, 2
"""


@dataclass(frozen=True)
class Said:
    """What one invariant says of the task."""

    name: str
    verdict: Verdict
    """Held: it has nothing against this task."""
    why: str
    step: str | None = None


@dataclass(frozen=True)
class Explanation:
    """One task of a run, explained."""

    task: str
    summary: str
    """What became of it, in one sentence without its id."""
    moments: tuple[StoryMoment, ...]
    said: tuple[Said, ...]
    doubts: tuple[str, ...]
    """What the evidence does not show, as evidence is missing or incomplete."""
    began_at: int | None
    """Nanoseconds since the epoch: when the load began, which the moments are counted from; None: the run does not say."""
    judgement: Judgement


def explain_task(run: Run, task: str) -> Explanation:
    """Explain one task.

    Args:
        run: open, its evidence complete or not.
        task: its id.

    Raises:
        UsageError: nothing in the run names that task, or the run cannot be judged.
    """
    judgement = judge(run)
    story = stories(run.database, [task], whole=True)[task]
    if not story:
        raise _unknown(run.database, task)
    moments = sorted([*story, *_context(run.database, story)], key=lambda moment: moment.at)
    wanted = {stem for stem in _TOLD_BY if not KINDS[stem].section or getattr(run.scenario, KINDS[stem].section)}
    return Explanation(
        task=task,
        summary=_summary(run.database, task, {name for name, state, _ in run.evidence if state == "missing"}),
        moments=tuple(moments),
        said=tuple(_said(result, answer) for result, answer in zip(judgement.results, _answers(run, task), strict=True)),
        doubts=tuple(_doubt(*one) for one in run.evidence if one[1] != "complete" and one[0] in wanted),
        began_at=_one(
            run.database, "select coalesce(min(begin_at) filter (name = 'load'), min(begin_at)) from phases where name in ('load', 'drive')"
        ),
        judgement=judgement,
    )


def _answers(run: Run, task: str) -> list[QueryAnswer]:
    """What each declared invariant says of a task."""
    known = catalogue(run.path, run.path / "invariants")
    return [ask(run.database, known[name], known[name].bindings(given), task) for name, given in run.scenario.invariants.items()]


def _context(database: EvidenceDatabase, story: Sequence[StoryMoment]) -> list[StoryMoment]:
    """The steps that ran and the faults that were in effect on its way in the task's time."""
    at_work = [moment.at for moment in story if moment.evidence not in ("leftovers", "states")]
    over = any(moment.evidence == "effects" for moment in story) and not any(moment.evidence == "leftovers" for moment in story)
    bounds = {
        "since": story[0].at,
        "until": max(at_work if over and at_work else [moment.at for moment in story]),
        "holders": sorted({name for moment in story for name in (moment.holder or "").split(" + ")}),
    }
    return [StoryMoment(at, what, evidence="timeline") for at, what in database.execute(_CONTEXT, bounds).fetchall()]


def _summary(database: EvidenceDatabase, task: str, missing: Set[str]) -> str:
    row = database.execute(
        "select type, outcome, attempts, effects, array_to_string(remains, ', ') from tasks where task = ?", [task]
    ).fetchone()
    if row is None:
        return "" if "published" in missing else "Not in the publishers' ledger."
    kind, outcome, attempts, effects, remains = row
    published = {"ok": "confirmed", "unknown": "sent and never confirmed", "fail": "failed", "skipped": "skipped and never sent"}[outcome]
    tried = f" in {attempts} attempts" if attempts > 1 else ""
    done = {0: "; no effect", 1: "; 1 effect"}.get(effects, f"; {effects} effects") if "effects" not in missing else ""
    remaining = f"; remains {f'as {remains}' if remains else 'nowhere'}" if "leftovers" not in missing else ""
    return f"Of type {kind}; {published}{tried}{done}{remaining}."


def _doubt(name: str, state: str, reason: str) -> str:
    return f"{reason}, so {_TOLD_BY[name]} is {'not told' if state == 'missing' else 'perhaps not complete'}"


def _said(result: Result, answer: QueryAnswer) -> Said:
    if not answer.rows:
        why = {
            Verdict.HELD: result.sentence,
            Verdict.INCONCLUSIVE: result.reason,
            Verdict.BROKEN: f"Not by this task, but by {result.count:,} other{'' if result.count == 1 else 's'}.",
        }[result.verdict]
        return Said(result.name, Verdict.INCONCLUSIVE if result.verdict is Verdict.INCONCLUSIVE else Verdict.HELD, why)
    first = answer.rows[0]
    why = first.why or f"Not so here: {result.sentence}"
    if result.verdict is Verdict.INCONCLUSIVE:
        why = f"{why} But it does not count: {result.reason}."
    return Said(result.name, result.verdict, why, first.step)


def _unknown(database: EvidenceDatabase, task: str) -> UsageError:
    """The error for an id that the run does not know, with the nearest that it knows."""
    near = database.execute(
        f"select task from ({_IDS}) order by contains(task, $task) desc, levenshtein(task, $task), task limit {SUGGESTED}",  # noqa: S608
        {"task": task},
    ).fetchall()
    if not near:
        return UsageError(f"nothing in this run names the task {task}, or any other.")
    *most, last = (name for (name,) in near)
    return UsageError(f"nothing in this run names the task {task};", f"did you mean {' or '.join(filter(None, [', '.join(most), last]))}?")


def _one(database: EvidenceDatabase, query: str) -> int | None:
    row = database.execute(query).fetchone()
    return row[0] if row else None
