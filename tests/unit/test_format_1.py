"""Run directories of format 1: a stored one, as it was written then, and its words where no run of today has them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from histories import history

from drillbook.api import judge, open_run
from drillbook.evidence.documents import VerdictHead, read
from drillbook.evidence.kinds import KINDS
from drillbook.judge.verdict import Verdict

STORED = Path(__file__).parent / "format_1"
WHY = (
    'the fault "an acknowledgement is lost" never took effect: the 100000th ack on workers.v1.1 -> broker never passed: '
    "48 such messages passed"
)
DONE = ("publish a ok", "effect a")


def test_a_stored_run_of_format_1_is_judged_as_it_was_then() -> None:
    then, now = json.loads((STORED / "verdict.json").read_text()), judge(STORED)
    assert (then["format"], then["verdict"], now.verdict) == (1, "unknown", Verdict.INCONCLUSIVE)
    assert now.preconditions == (WHY,)
    assert [(result["name"], result["count"]) for result in then["results"]] == [(result.name, result.count) for result in now.results]
    assert now.equation is not None
    assert now.equation.__dict__ == then["equation"]
    assert read(STORED, VerdictHead).verdict == "inconclusive"


def test_its_faults_took_effect_and_cleared() -> None:
    with open_run(STORED) as run:
        found = run.database.execute("select name, took_effect_at > 0, cleared_at > 0, no_effect from faults order by 1, target").fetchall()
    assert found == [
        ("an acknowledgement is lost", None, True, True),
        *[("v1 loses the broker", True, True, False)] * (len(found) - 2),
        ("v1 loses the database", True, True, False),
    ]


def test_its_report_has_the_words_of_today(tmp_path: Path) -> None:
    from drillbook import report

    with open_run(STORED) as run:
        page = report.write(run, judge(STORED), tmp_path)["report.html"].read_text()
    assert "never took effect" in page
    assert "not_bit" not in page


def worded(run: Path, stem: str, old: str, new: str) -> Path:
    """The run with another word in one of its files."""
    file = run / f"{stem}.jsonl"
    assert f'"{new}"' in file.read_text()
    file.write_text(file.read_text().replace(f'"{new}"', f'"{old}"'))
    return run


def test_evidence_that_was_called_blind_is_incomplete() -> None:
    run = worded(history(*DONE, "incomplete effects"), "timeline", "blind", "incomplete")
    assert judge(run)["no_duplicate_effects"].reason == "effects is incomplete: the tap died"
    run = history(*DONE, "deliver a to v1 from q", "ack a by v1", invariants={"no_overlap": None})
    assert judge(run)["no_overlap"].verdict is Verdict.HELD
    assert judge(worded(run, "wire", "blind", "ack"))["no_overlap"].verdict is Verdict.INCONCLUSIVE


OLD = [(stem, field, old, new) for stem, kind in KINDS.items() for field, words in kind.older.items() for old, new in words.items()]
SAID = (
    *("wait at stop v2 begin for 20 waiting in q", "fault cut took_effect on v1", "fault cut cleared on v1"),
    *("fault late no_effect on v1", "fault stuck not_cleared on v1", "incomplete wire", "decode a that remains in q"),
)


@pytest.mark.parametrize(("stem", "field", "old", "new"), OLD)
def test_each_old_word_is_read_as_the_one_of_today(stem: str, field: str, old: str, new: str) -> None:
    def rows(run: Path) -> list[tuple[object, ...]]:
        with open_run(run) as opened:
            return opened.database.execute(f"select {field}, count(*) from {stem} group by all order by 1").fetchall()

    today = history(*DONE, "deliver a to v1 from q", "ack a by v1", *SAID)
    worded(today, "wire", "incomplete", "ack")
    expected = rows(today)
    assert new in dict(expected)
    assert rows(worded(today, stem, old, new)) == expected


def test_a_wrong_line_behind_an_old_word_is_the_one_that_is_told() -> None:
    run = worded(history(*DONE, "incomplete effects"), "timeline", "blind", "incomplete")
    with (run / "timeline.jsonl").open("a") as file:
        file.write('{"at": 1, "event": "bling", "name": "wire", "state": "from"}\n')
    with pytest.raises(Exception, match=r"timeline.jsonl:\d+: event is 'bling'"):
        judge(run)


INVARIANT = """\
-- mine: It holds.
-- needs: effects, published
-- excused by: wire
select task, 'nobody can tell where it rests_in' as why, not whole('wire') as unknown
from effects left join tasks using (task) where rests_in is null and not exists (select 1 from faults where not_bit)
"""


def test_an_invariant_of_the_user_s_own_has_its_old_words(tmp_path: Path) -> None:
    run = history(*DONE, invariants={"mine": None}, without=["wire"])
    (run / "invariants").mkdir(exist_ok=True)
    (run / "invariants" / "mine.sql").write_text(INVARIANT)
    result = judge(run)["mine"]
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "there is no wire.jsonl")
    shutil.copy(STORED / "wire.jsonl", run)
    found = judge(run)["mine"]
    assert (found.count, found.findings[0].why) == (1, "nobody can tell where it rests_in")
