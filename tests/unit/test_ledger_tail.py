from pathlib import Path

from drillbook.evidence.ledger_tail import LedgerTail
from drillbook.load.ledger import Ledger
from drillbook.scenario import Load

LOAD = Load.model_validate({"rate": "1/s", "duration": "1s"})


def test_no_ledger_confirms_nothing(tmp_path: Path) -> None:
    assert LedgerTail(tmp_path / "published.jsonl").confirmed() == 0


def test_confirmed_tasks_are_counted_as_the_ledger_grows(tmp_path: Path) -> None:
    path = tmp_path / "published.jsonl"
    ledger, tail = Ledger(path, LOAD), LedgerTail(path)
    ledger.add("a", "task", 1, 1, 2, 3, "ok")
    ledger.add("b", "task", 1, 1, 2, 3, "unknown", 'no "outcome":"ok" came')
    ledger.flush()
    assert tail.confirmed() == 1
    ledger.add("c", "task", 1, 1, 2, 3, "ok")
    ledger.close()
    assert (tail.confirmed(), tail.confirmed()) == (2, 2)


def test_a_line_that_is_half_written_counts_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "published.jsonl"
    tail = LedgerTail(path)
    path.write_text('{"task":"a","outcome":"ok"')
    assert tail.confirmed() == 0
    with path.open("a") as file:
        file.write("}\n")
    assert tail.confirmed() == 1
