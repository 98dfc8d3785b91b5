"""The invariants there are: headers, parameters, what a scenario may say of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from drillbook.judge.catalogue import Invariant, catalogue
from drillbook.judge.query import sql_problems
from drillbook.judge.tables import describe, open_tables

DOCS = Path(__file__).parents[2] / "docs" / "invariants"
NAMES = {"queue": ["tasks.v1", "tasks.v2"], "version": ["v1", "v2"], "step": ["stop v2", "drain v2"]}


def user(folder: Path, sql: str, name: str = "mine") -> Invariant:
    (folder / f"{name}.sql").write_text(sql)
    return catalogue(folder)[name]


def test_every_built_in_invariant_is_in_order() -> None:
    assert set(catalogue()) == {
        "bounded_redelivery",
        "conservation",
        "decodable",
        "drained",
        "handled_as_decided",
        "no_duplicate_effects",
        "no_lost_tasks",
        "no_overlap",
        "no_silent_drop",
        "no_stuck_tasks",
        "nothing_expired",
        "order_kept",
        "outbox_empty",
        "playbook_succeeded",
        "poison_contained",
        "publish_fence",
        "recovered",
        "replay_once",
        "state_consistent",
        "topology_restored",
        "unharmed",
        "version_fence",
    }
    assert not [invariant.header_problems for invariant in catalogue().values() if invariant.header_problems]


def test_the_documented_tables_are_the_ones_there_are() -> None:
    documented = re.findall(r"^\| `(\w+)` \| .* \| `(.*)` \|$", (DOCS / "README.md").read_text(), re.MULTILINE)
    assert len(documented) == 19
    with open_tables(None) as (database, _):
        describe(database, [], [])
        for table, columns in documented:
            described = database.execute(f"select column_name from (describe {table})").fetchall()
            assert [name for (name,) in described] == columns.split(", ")


def test_the_documented_example_works(tmp_path: Path) -> None:
    sql = (DOCS / "README.md").read_text().split("```sql\n")[1].split("```")[0]
    example = user(tmp_path, sql, "no_refund_twice")
    assert (example.problems({"kind": "charge"}), sql_problems(example)) == ([], [])


FITTING: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any]]] = {
    "nothing": ("no_lost_tasks", None, {"allow": [], "parked": []}),
    "an empty mapping": ("no_lost_tasks", {}, {"allow": [], "parked": []}),
    "a list": ("no_lost_tasks", {"allow": ["dead", "cancelled"]}, {"allow": ["dead", "cancelled"], "parked": []}),
    "a duration is bound in nanoseconds": ("recovered", {"within": "250ms"}, {"within": 250_000_000, "allow": [], "parked": []}),
    "a step is bound by its name": (
        "version_fence",
        {"version": "v2", "after": {"step": "stop v2"}},
        {"version": "v2", "after": "stop v2"},
    ),
    "a choice": ("no_duplicate_effects", {"by": "key"}, {"by": "key"}),
}


@pytest.mark.parametrize(("name", "given", "bound"), FITTING.values(), ids=FITTING)
def test_parameters_that_fit_are_bound(name: str, given: dict[str, Any] | None, bound: dict[str, Any]) -> None:
    invariant = catalogue()[name]
    assert (invariant.problems(given, NAMES), invariant.bindings(given)) == ([], bound)


WRONG: dict[str, tuple[str, dict[str, Any] | None, str]] = {
    "unknown": ("no_lost_tasks", {"alow": []}, "no_lost_tasks has no parameter alow; did you mean allow?"),
    "unknown where there is none": ("conservation", {"x": 1}, "conservation has no parameter x; there is none"),
    "missing": ("drained", None, "drained needs the parameter queue, such as queue: a queue"),
    "missing duration": ("recovered", {}, "recovered needs the parameter within, such as within: 30s"),
    "no list": ("no_lost_tasks", {"allow": "dead"}, "no_lost_tasks, allow: 'dead' is not a list: write [dead]"),
    "no state": ("no_lost_tasks", {"allow": ["deed"]}, "no_lost_tasks, allow: there is no state deed; did you mean dead?"),
    "no unit": ("recovered", {"within": 30}, "recovered, within: 30 is not a duration: write a number and a unit, such as 250ms, 5s or 2m"),
    "no such queue": ("drained", {"queue": "tasks.v3"}, "drained, queue: there is no queue tasks.v3; did you mean tasks.v2?"),
    "no text": ("drained", {"queue": 3}, "drained, queue: 3 is not text"),
    "no choice": ("no_duplicate_effects", {"by": "id"}, "no_duplicate_effects, by: 'id' is none of task, key"),
    "a step in plain words": (
        "version_fence",
        {"version": "v2", "after": "stop v2"},
        "version_fence, after: 'stop v2' is not a moment: write {step: stop v2}",
    ),
    "no such step": (
        "version_fence",
        {"version": "v2", "after": {"step": "stop v3"}},
        "version_fence, after: there is no step stop v3; did you mean stop v2?",
    ),
    "half a moment": ("version_fence", {"version": "v2", "after": {}}, "version_fence, after: a moment is written {step: the step's name}"),
}


@pytest.mark.parametrize(("name", "given", "problem"), WRONG.values(), ids=WRONG)
def test_parameters_that_do_not_fit_are_said_so(name: str, given: dict[str, Any] | None, problem: str) -> None:
    problems = catalogue()[name].problems(given, NAMES)
    assert [text.replace("tasks.v1", "tasks.v2") for text in problems] == [problem]


def test_every_problem_is_told_at_once() -> None:
    assert len(catalogue()["version_fence"].problems({"vresion": "v2", "after": "x"}, NAMES)) == 3


def test_names_that_are_not_known_are_not_checked() -> None:
    assert catalogue()["drained"].problems({"queue": "anything"}) == []


HEADERS = {
    "none": ("select task from tasks", "its first line must be `-- mine: `"),
    "another name": ("-- theirs: It holds.\n-- needs: effects\nselect task from tasks", "its first line must be `-- mine: `"),
    "no needs": ("-- mine: It holds.\nselect task from tasks", "it must say what it reads"),
    "unknown evidence": ("-- mine: It holds.\n-- needs: efects\nselect 1", "there is no evidence efects; did you mean effects?"),
    "unknown type": ("-- mine: It holds.\n-- needs: wire\n-- parameter x: time\nselect 1", "the parameter x has the unknown type time"),
    "no type": ("-- mine: It holds.\n-- needs: wire\n-- parameter x\nselect 1", "`parameter x` is no parameter"),
    "a default that does not fit": (
        "-- mine: It holds.\n-- needs: wire\n-- parameter x: duration = 5\nselect 1",
        "the default of x: 5 is not a duration",
    ),
}


@pytest.mark.parametrize(("sql", "problem"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_cannot_be_used_says_why(tmp_path: Path, sql: str, problem: str) -> None:
    assert f"mine.sql: {problem}" in " ".join(user(tmp_path, sql).problems(None))


def test_a_file_cannot_take_a_built_in_s_name(tmp_path: Path) -> None:
    sql = "-- drained: It holds.\n-- needs: effects\nselect task from tasks"
    assert user(tmp_path, sql, "drained").problems(None) == [
        "drained.sql: drained is the name of a built-in invariant; give the file another name"
    ]


def test_other_sql_beside_a_scenario_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "init.sql").write_text("create table effects (task text);")
    assert catalogue(tmp_path)["drained"].problems({"queue": "q"}) == []


SQL = {
    "no SQL": ("selct task from tasks", 'mine.sql:3: Parser Error: syntax error at or near "selct".'),
    "no such column": ("select task\nfrom tasks\nwhere color = 1", "mine.sql:5: Binder Error: "),
    "no such parameter": ("select task from tasks where $x > 1", "mine.sql: its header has no line `-- parameter x: …` for $x."),
    "no task": ("select 1 as one", "mine.sql: it returns no column task."),
    "two statements": ("select task from tasks; select 2", "mine.sql: an invariant is one SELECT."),
    "no select": ("delete from tasks", "mine.sql: an invariant is one SELECT."),
    "nothing": ("", "mine.sql: an invariant is one SELECT."),
}


@pytest.mark.parametrize(("sql", "problem"), SQL.values(), ids=SQL)
def test_sql_that_cannot_work_is_found_before_a_drill(tmp_path: Path, sql: str, problem: str) -> None:
    [found] = sql_problems(user(tmp_path, f"-- mine: It holds.\n-- needs: effects\n{sql}"))
    assert found.startswith(problem)


def test_the_json_schema_of_an_invariant_has_its_parameters() -> None:
    assert catalogue()["recovered"].json_schema() == {
        "description": "Every confirmed task was done soon after its confirm, or soon after everything had healed.",
        "type": "object",
        "properties": {
            "within": {
                "type": "string",
                "pattern": r"^(\d+(?:\.\d+)?)(us|ms|s|m|h)$",
                "examples": ["250ms", "5s", "2m"],
                "description": "at most this long after its confirm, or after the healing where that was later",
            },
            "allow": {
                "type": "array",
                "items": {"enum": ["ready", "delayed", "unacked", "dead", "outbox", "cancelled"]},
                "description": "where a task may remain without having been done",
                "default": [],
            },
            "parked": {
                "type": "array",
                "items": {"type": "string"},
                "description": "queues where a task may remain without having been done: parking queues",
                "default": [],
            },
        },
        "required": ["within"],
        "additionalProperties": False,
    }


def test_an_invariant_that_needs_no_parameter_may_have_nothing_under_its_name() -> None:
    assert {"type": "null"} in catalogue()["no_lost_tasks"].json_schema()["anyOf"]
