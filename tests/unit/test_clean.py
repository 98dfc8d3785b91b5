"""Which run `drillbook clean RUN` means: exactly one, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drillbook.core.errors import UsageError
from drillbook.engine.clean import Remains, _named

RUNS = [
    Remains(run_id, True, 5, 1, 0) for run_id in ("20261121t100000z-7-aaaaaa", "20261121t100000z-7-bbbbbb", "20261121t110000z-8-cccccc")
]


def named(which: str) -> list[str]:
    return [remain.run_id for remain in _named(which, RUNS)]


def test_a_whole_id_names_its_run() -> None:
    assert named("20261121t100000z-7-bbbbbb") == ["20261121t100000z-7-bbbbbb"]


def test_the_name_of_a_run_directory_names_its_run() -> None:
    assert named("reports/versioned_workers/20261121T110000Z-8") == ["20261121t110000z-8-cccccc"]


def test_a_run_directory_names_the_run_it_holds(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(json.dumps({"run_id": "20261121t100000z-7-aaaaaa"}))
    assert named(str(tmp_path)) == ["20261121t100000z-7-aaaaaa"]


def test_a_beginning_that_several_runs_have_is_refused_with_their_names() -> None:
    with pytest.raises(UsageError, match="aaaaaa, 20261121t100000z-7-bbbbbb"):
        named("20261121t10")


def test_an_empty_name_is_refused_and_never_means_all() -> None:
    with pytest.raises(UsageError):
        named("")


def test_a_name_that_no_run_has_names_none() -> None:
    assert named("nosuch") == []


def test_a_whole_id_that_others_begin_with_names_its_own_run() -> None:
    runs = [Remains(run_id, True, 1, 1, 0) for run_id in ("a", "ab")]
    assert [remain.run_id for remain in _named("a", runs)] == ["a"]
