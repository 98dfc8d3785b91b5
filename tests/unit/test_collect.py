"""What collecting makes of what it reads: in order, to the disk as it comes, and incomplete where it ended early."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drillbook.core.errors import HarnessError
from drillbook.drive.collect import CHUNK, _keep, cancelled, queries
from drillbook.evidence import RunDirectory
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.scenario import DEFAULT_EFFECTS_QUERY, Effects


def lines(run: RunDirectory, stem: str) -> list[dict[str, str]]:
    return [json.loads(text) for text in run.file(stem).read_text().splitlines()]


def left(number: int) -> Leftover:
    return Leftover(str(number), "tasks", "ready")


def test_a_cancel_ledger_names_one_task_a_line(tmp_path: Path) -> None:
    (tmp_path / "cancelled").write_text("a\n\n b \n")
    assert [leftover.task for leftover in cancelled(tmp_path / "cancelled")] == ["a", "b"]


def test_a_playbook_that_cancelled_nothing_leaves_no_ledger(tmp_path: Path) -> None:
    assert list(cancelled(tmp_path / "cancelled")) == []


def test_what_is_read_goes_to_the_disk_before_all_of_it_is_read(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    on_disk = []

    def many() -> Iterator[Leftover]:
        for number in range(3 * CHUNK):
            if number % CHUNK == 0:
                on_disk.append(len(lines(run, "leftovers")))
            yield left(number)

    _keep(run, "leftovers", many())
    assert on_disk == [0, CHUNK, 2 * CHUNK]
    assert len(lines(run, "leftovers")) == 3 * CHUNK


def test_what_was_read_before_the_source_went_away_is_kept_and_the_rest_is_incomplete(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)

    def cut_short() -> Iterator[Leftover]:
        yield left(1)
        raise ConnectionError("the broker does not answer")

    _keep(run, "leftovers", cut_short())
    assert [line["task"] for line in lines(run, "leftovers")] == ["1"]
    assert [(event["event"], event["name"], event["detail"]) for event in lines(run, "timeline")] == [
        ("incomplete", "leftovers", "the broker does not answer")
    ]


def test_a_place_where_nothing_rests_leaves_an_empty_file(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    _keep(run, "leftovers", iter(()))
    assert lines(run, "leftovers") == []


def test_a_disk_that_is_full_is_no_blindness_but_the_end(tmp_path: Path) -> None:
    (tmp_path / "leftovers.jsonl").symlink_to("/dev/full")
    with pytest.raises(HarnessError, match="No space left"):
        _keep(RunDirectory(tmp_path), "leftovers", iter([left(1)]))


def test_without_sources_there_is_one_query_and_it_has_no_name() -> None:
    assert queries(Effects()) == {None: DEFAULT_EFFECTS_QUERY}


def test_with_sources_only_they_are_asked() -> None:
    sources = {"rows": {"query": "select 1"}, "calls": {"http": True}}
    assert queries(Effects.model_validate({"sources": sources})) == {"rows": "select 1"}
