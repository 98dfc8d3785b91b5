"""The JSON documents of a run: written once, read as written, and refused with their place where they cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drillbook.core.errors import UsageError
from drillbook.evidence import RunDirectory
from drillbook.evidence.documents import FORMAT, EnvironmentDocument, PlanDocument, PlannedFaultRecord, VerdictHead, read

PLAN = PlanDocument(
    format=FORMAT,
    seed=7,
    tasks=12,
    steps=["drain v2"],
    faults=[PlannedFaultRecord(name="slow", kind="latency", victims=("workers.v2.1 -> broker",), trigger="at", moment=5.0, seconds=1.5)],
)


def test_a_document_is_read_as_it_was_written(tmp_path: Path) -> None:
    RunDirectory(tmp_path).write(PLAN)
    assert read(tmp_path, PlanDocument) == PLAN
    assert json.loads((tmp_path / "plan.json").read_text())["format"] == FORMAT


@pytest.mark.parametrize("kind", [PlanDocument, EnvironmentDocument, VerdictHead])
def test_a_document_that_is_not_there_says_nothing(tmp_path: Path, kind: Any) -> None:
    assert read(tmp_path, kind) == kind()


def test_what_a_later_version_added_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"seed": 7, "weather": "fine", "faults": [{"name": "slow", "mood": "bad"}]}))
    found = read(tmp_path, PlanDocument)
    assert (found.seed, found.faults[0].name, found.faults[0].trigger) == (7, "slow", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "plan.json: Invalid JSON"),
        ("[]", "plan.json: Input should be"),
        ('{"tasks": "many"}', "plan.json: tasks: Input should be a valid integer"),
        ('{"faults": [{}]}', "plan.json: faults.0.name: Field required"),
        (f'{{"format": {FORMAT + 1}}}', "plan.json: format: it is of a newer version of Drillbook, which this one cannot read"),
    ],
)
def test_a_document_that_cannot_be_used_is_a_sentence_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(UsageError) as raised:
        read(tmp_path, PlanDocument)
    assert str(raised.value).startswith(f"{tmp_path}/{said}")
