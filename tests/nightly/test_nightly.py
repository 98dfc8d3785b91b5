"""Long runs go on where they stopped, keep what came of each item, and tell a starved machine from a fault of the product."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gallery.drill import Outcome
from tests.nightly.__main__ import run
from tests.nightly.items import GROUPS, Ended, Item, drill_ended, items
from tests.nightly.repetitions import text
from tests.nightly.results import ROOT, Fate, Result, Results, table

STARVED = {"recovered": "the machine was too slow: a task waited 9 s for a processor"}
SAID = f"recovered is inconclusive: {STARVED['recovered']}"


@pytest.fixture
def kept(tmp_path: Path) -> Results:
    return Results(tmp_path / "new" / "results.jsonl")


def came(item: str, fate: Fate = "passed", group: str = "drills", busy: bool = True, commit: str = "c1") -> Result:
    return Result(group, item, busy, fate, f"said of {item}", 61.5, "2026-11-26T17:00:00Z", commit, 2, "6.1.0", 4.5)


def item(name: str, log: list[str], ended: Ended = Ended("passed")) -> Item:  # noqa: B008 - it cannot be changed
    return Item("drills", name, lambda: log.append(name) or ended)  # type: ignore[func-returns-value]


def test_a_second_call_runs_only_what_has_no_result_yet(kept: Results) -> None:
    log: list[str] = []
    run([item("a", log)], kept, "c1")
    run([item("a", log), item("b", log)], kept, "c1")
    assert log == ["a", "b"]


def test_another_commit_runs_everything_again(kept: Results) -> None:
    log: list[str] = []
    run([item("a", log)], kept, "c1")
    run([item("a", log)], kept, "c2")
    assert log == ["a", "a"]


def test_what_fell_is_kept_and_not_tried_until_it_passes(kept: Results) -> None:
    log: list[str] = []
    for _ in range(2):
        run([item("a", log, Ended("failed", "it broke"))], kept, "c1")
    assert log == ["a"]
    assert [(one.fate, one.said) for one in kept.all()] == [("failed", "it broke")]


def test_what_is_forgotten_is_run_again(kept: Results) -> None:
    log: list[str] = []
    run([item("a", log), item("b", log)], kept, "c1")
    kept.forget({("drills", "a", False, "c1")})
    run([item("a", log), item("b", log)], kept, "c1")
    assert log == ["a", "b", "a"]


def test_an_interrupted_item_has_no_result_and_those_before_it_have(kept: Results) -> None:
    def interrupted() -> Ended:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([item("a", []), Item("drills", "b", interrupted)], kept, "c1")
    assert [one.item for one in kept.all()] == ["a"]


def test_a_defect_of_an_item_is_its_failure_and_the_rest_is_run(kept: Results) -> None:
    def defect() -> Ended:
        raise ValueError("no such port")

    run([Item("drills", "a", defect), item("b", [])], kept, "c1")
    assert [(one.item, one.fate, one.said) for one in kept.all()] == [("a", "failed", "ValueError: no such port"), ("b", "passed", "")]


def test_a_line_that_was_cut_off_is_no_result_and_spoils_no_other(kept: Results, tmp_path: Path) -> None:
    kept.add(came("a"))
    file = tmp_path / "new" / "results.jsonl"
    file.write_text(file.read_text() + '{"group": "dri')
    kept.add(came("b"))
    assert [one.item for one in kept.all()] == ["a", "b"]


def test_the_table_says_of_what_fell_why_and_counts_the_rest() -> None:
    said = table([came("a"), came("b", "failed"), came("c", "machine")])
    assert "said of b" in said
    assert "said of a" not in said
    assert said.endswith("3 items: 1 passed, 1 failed, 1 inconclusive with the machine named as the cause; 2 cores, Linux 6.1.0, commit c1")


@pytest.mark.parametrize(
    ("outcome", "red", "fate"),
    [
        (Outcome("held", (), "", None), (), "passed"),
        (Outcome("broken", ("drained",), "", None), ("drained",), "passed"),
        (Outcome("held", (), "", None), ("drained",), "failed"),
        (Outcome("broken", ("drained",), "", None), (), "failed"),
        (Outcome("inconclusive", (), SAID, None, STARVED), (), "machine"),
        (Outcome("inconclusive", (), SAID, None, STARVED), ("recovered",), "machine"),
        (Outcome("inconclusive", (), SAID, None, STARVED), ("drained",), "failed"),
        (Outcome("inconclusive", (), SAID, None, STARVED), ("drained", "recovered"), "failed"),
        (Outcome("inconclusive", (), "exit code 3", None, STARVED, "exit code 3"), (), "failed"),
        (Outcome("broken", ("drained",), SAID, None, STARVED), ("drained", "recovered"), "machine"),
        (Outcome("inconclusive", (), SAID, None, {**STARVED, "drained": "the fault never took effect"}), (), "failed"),
        (Outcome("broken", ("drained",), SAID, None, STARVED), (), "failed"),
        (Outcome("none", (), "exit code 3: the deployment failed", None), (), "failed"),
    ],
)
def test_only_an_inconclusive_that_names_the_machine_throughout_is_put_down_to_it(
    outcome: Outcome, red: tuple[str, ...], fate: Fate
) -> None:
    assert drill_ended(outcome, red).fate == fate


def test_every_group_has_items_and_no_name_twice() -> None:
    for group in GROUPS:
        names = [one.name for one in items(group, 3)]
        assert names
        assert len(set(names)) == len(names)


def test_every_file_of_tests_is_an_item() -> None:
    assert {ROOT / "tests" / one.name for one in items("test", 1)} == set(ROOT.glob("tests/*/test_*.py"))


def test_half_of_the_repetitions_have_busy_loops_beside_them() -> None:
    assert [one.busy for one in items("repeat", 4)] == [False, True, False, True]


def test_the_page_has_a_row_for_each_group_of_the_commit_it_was_last_run_on_and_names_what_fell() -> None:
    said = text(
        [
            came("a", "failed", commit="c1"),
            came("a", commit="c2"),
            came("b", "machine", commit="c2"),
            came("c", "no fault", commit="c2"),
            came("01", group="repeat", busy=False),
            came("02", "failed", group="repeat"),
            came("quiet", busy=False),
        ]
    )
    rows = [line for line in said.splitlines() if line.startswith("| the ")]
    assert [row.split(" | ")[1:7] for row in rows] == [
        ["none", "1", "1", "0", "0", "0"],
        ["4", "1", "0", "0", "0", "1"],
        ["4", "3", "1", "1", "1", "0"],
    ]
    assert said.rstrip().endswith("Fell:\n\n- repeat 02: said of 02")


@pytest.mark.parametrize(("alone", "fate"), [("passed", "machine"), ("machine", "failed"), ("no fault", "machine"), ("failed", "failed")])
def test_what_a_starved_machine_excuses_must_pass_alone(kept: Results, alone: Fate, fate: Fate) -> None:
    fates = iter([Ended("machine", "too slow"), Ended(alone, "not so")])
    run([Item("drills", "a", lambda: next(fates), busy=True)], kept, "c1")
    (one,) = kept.all()
    assert (one.fate, one.said) == (fate, "too slow; and alone: not so" if fate == "failed" else "too slow")
