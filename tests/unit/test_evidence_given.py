"""Evidence that programs of the drill write themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest

from drillbook.core.errors import UsageError
from drillbook.evidence.given import given
from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Said:
    task: Annotated[str, "the task"]
    at: Annotated[int, "when"]
    what: Annotated[str | None, "more"] = None


KIND = Kind(1, Said, about="", page="", given=True)


def write(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "said.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return tmp_path / "said.jsonl"


def test_where_no_program_wrote_anything_nothing_is_given(tmp_path: Path) -> None:
    assert list(given(KIND, tmp_path / "said.jsonl")) == []


def test_each_line_is_a_record_and_what_it_has_not_is_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path, '{"task": "a", "at": 5, "mood": "good"}', "", '{"task": "b", "at": 6, "what": "x"}')
    assert list(given(KIND, file)) == [Said("a", 5), Said("b", 6, "x")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"task": "a"}', "line 2 of said.jsonl, at: Field required."),
        ('{"task": "a", "at": "5"}', "line 2 of said.jsonl, at: Input should be a valid integer."),
        ('{"task": "a", "at": 5', "line 2 of said.jsonl: Invalid JSON"),
        ("[]", "line 2 of said.jsonl: Input should be an object."),
    ],
)
def test_a_line_that_is_none_is_told_with_its_place_and_those_before_it_count(tmp_path: Path, line: str, said: str) -> None:
    found: list[Said] = []
    with pytest.raises(UsageError) as raised:
        found.extend(given(KIND, write(tmp_path, '{"task": "a", "at": 5}', line)))
    assert str(raised.value).startswith(said)
    assert found == [Said("a", 5)]
