"""Views are made when a statement names them: all that it takes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from histories import history

from drillbook.api import judge, open_run
from drillbook.judge import judge as judging
from drillbook.judge.catalogue import catalogue
from drillbook.judge.database import FOLDER, EvidenceDatabase, views
from drillbook.judge.parameters import sample
from drillbook.judge.query import ask
from drillbook.judge.tables import ONE_SOURCE, describe, open_tables

SEVERAL = [("orders", "query", None), ("calls", "http", ["charge"])]


def made(database: EvidenceDatabase) -> set[str]:
    rows = database.execute("""
        select table_name from duckdb_tables() union select view_name from duckdb_views() where not internal
        union select function_name from duckdb_functions() where not internal and function_type in ('macro', 'table_macro')
    """).fetchall()
    return {name for (name,) in rows}


@pytest.mark.parametrize("sources", [[ONE_SOURCE], SEVERAL], ids=["one source", "several sources"])
def test_a_view_is_made_with_all_that_it_takes(sources: list) -> None:
    for name in views(several=len(sources) > 1):
        with open_tables(None) as (database, _):
            describe(database, [], [], sources)
            database.make(name)
            assert name in made(database)


def test_every_statement_of_the_files_is_a_view() -> None:
    with duckdb.connect() as database:
        for path in FOLDER.glob("*.sql"):
            statements = database.extract_statements(path.read_text())
            found = [name for name, view in views(path.stem.endswith("_in_each")).items() if view.sql in path.read_text()]
            assert len(found) == len(statements), path.name


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_an_invariant_finds_its_views(name: str) -> None:
    invariant = catalogue()[name]
    with open_tables(None) as (database, _):
        describe(database, [], [])
        ask(database, invariant, {parameter.name: sample(parameter.kind) for parameter in invariant.parameters})


def test_what_nobody_names_is_not_made() -> None:
    with open_run(history("publish a ok", "effect a", invariants={"no_duplicate_effects": None})) as run:
        judging.judge(run)
        there = made(run.database)
    assert "tasks" in there
    assert there.isdisjoint({"dropped", "queue_balance", "metric_changes", "vanished", "delivered"})


def test_a_view_that_was_made_is_not_made_again_by_another_invariant() -> None:
    with open_tables(history("publish a ok")) as (database, _):
        describe(database, [], [])
        for name in ("no_lost_tasks", "conservation"):
            assert ask(database, catalogue()[name], {"allow": [], "parked": []}).count == 1


@pytest.mark.parametrize("read", ["TASKS", '"tasks"', "query_table('tasks')", "main.tasks", "(from tasks)", "(select 1) as one, tasks"])
def test_a_rule_of_ones_own_may_name_a_view_in_any_way(read: str) -> None:
    run = history("publish a ok", invariants={"mine": None})
    Path(run, "mine.sql").write_text(f"-- mine: Nothing is published.\n-- needs: published\nselect task from {read}\n")
    assert judge(run)["mine"].count == 1


def test_a_rule_of_ones_own_may_use_the_name_of_a_view_for_something_else() -> None:
    run = history("publish a ok", invariants={"mine": None})
    sql = "with dropped as (select task from published), tasks as (from dropped) select task from tasks"
    Path(run, "mine.sql").write_text(f"-- mine: Nothing is published.\n-- needs: published\n{sql}\n")
    assert judge(run)["mine"].count == 1
