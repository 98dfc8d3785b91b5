"""What is said of a problem: where it is, and which name was probably meant."""

from __future__ import annotations

import pytest

from drillbook.core.problems import LISTED, Problem, ScenarioError, either, nearest, suggestion

ALL = ["tasks.v1", "tasks.v2", "broker"]
MANY = [f"name {number}" for number in range(LISTED + 1)]
SUGGESTIONS: dict[str, tuple[str, list[str], list[str] | None, str]] = {
    "one that is close": ("tasks_v1", ALL, None, "; did you mean tasks.v1?"),
    "few, none of them close": ("xyz", ALL, None, "; there are tasks.v1, tasks.v2, broker"),
    "one": ("xyz", ["broker"], None, "; there is broker"),
    "none": ("xyz", [], None, "; there is none"),
    "as many as are listed": ("xyz", MANY[1:], None, f"; there are {', '.join(MANY[1:])}"),
    "more": ("xyz", MANY, None, ""),
    "some are listed": ("xyz", ALL, ["broker"], "; there is broker"),
    "one that is listed is close, another one closer": ("tasks.v1", ALL, ["tasks.v2"], "; did you mean tasks.v2?"),
    "only one that is not listed is close": ("brokr", ALL, ["tasks.v1"], "; did you mean broker?"),
    "of many some are listed": ("xyz", MANY, ["broker"], "; there is broker"),
    "none is listed": ("xyz", ALL, [], "; there is none"),
}


@pytest.mark.parametrize(("name", "known", "listed", "said"), SUGGESTIONS.values(), ids=SUGGESTIONS)
def test_an_unknown_name_is_told_with_what_was_meant_or_what_there_is(
    name: str, known: list[str], listed: list[str] | None, said: str
) -> None:
    assert suggestion(name, known, listed) == said


@pytest.mark.parametrize(("name", "meant"), [("Drain-V1", "drain_v1"), ("drain v", "drain_v1"), ("zzz", None)])
def test_how_words_are_joined_does_not_keep_a_name_from_being_found(name: str, meant: str | None) -> None:
    assert nearest(name, ["stop_v2", "drain_v1"]) == meant


@pytest.mark.parametrize(("words", "said"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_words_to_choose_from_are_joined(words: list[str], said: str) -> None:
    assert either(words) == said


def test_problems_are_told_once_each_by_line() -> None:
    late, early = Problem("file", 10, 1, "late"), Problem("file", 9, 3, "early")
    error = ScenarioError([late, early, late])
    assert error.problems == [early, late]
    assert error.message == "file:9:3: early\nfile:10:1: late"
