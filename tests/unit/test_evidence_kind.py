"""A kind of evidence as its page shows it: a row for each field, with its type in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from drillbook.evidence.kind import Kind

Many = Literal["a", "b", "c", "d", "e", "f", "g", "h", "i"]


@dataclass(frozen=True)
class Line:
    """A line of evidence."""

    at: Annotated[int, "when"]
    begun_at: Annotated[int | None, "when it began"]
    task: Annotated[str | None, "whose"]
    count: Annotated[int, "how many"]
    share: Annotated[float, "how much"]
    ok: Annotated[bool, "a|b"]
    state: Annotated[Literal["open", "shut"] | None, "which"]
    word: Annotated[Many, "which of many"]


KIND = Kind(1, Line, about="lines", page="Before.\n\n@FIELDS@\n\nAfter.")
ROWS = {
    "a time": "| `at` | time | when |",
    "a time by its name": "| `begun_at` | time | when it began |",
    "what may be left out": "| `task` | text | whose |",
    "a number": "| `count` | whole number | how many |",
    "a share": "| `share` | number | how much |",
    "a bar in its meaning": "| `ok` | true or false | a\\|b |",
    "few words": "| `state` | `open`, `shut` | which |",
    "many words": "| `word` | see below | which of many |",
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_field_is_shown_with_its_type_in_words(row: str) -> None:
    assert row in KIND.markdown().splitlines()


def test_the_table_stands_where_the_page_has_its_place() -> None:
    text = KIND.markdown()
    assert text.startswith("Before.\n\n| field | type | meaning |\n|---|---|---|\n| `at` |")
    assert text.endswith("| which of many |\n\nAfter.")


def test_its_columns_are_its_fields_in_order() -> None:
    assert KIND.columns == ["at", "begun_at", "task", "count", "share", "ok", "state", "word"]


def test_a_field_that_does_not_say_what_it_means_is_refused() -> None:
    @dataclass(frozen=True)
    class Bare:
        at: int

    with pytest.raises(AssertionError, match=r"Bare\.at does not say what it means"):
        Kind(1, Bare, about="", page="").markdown()
