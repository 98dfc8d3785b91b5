"""A run directory that is open: the one reader of its evidence, for the judge and for every report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.evidence.documents import EnvironmentDocument, PlanDocument, read
from drillbook.judge.completeness import EvidenceState, declared, sources, states
from drillbook.judge.database import EvidenceDatabase
from drillbook.judge.tables import describe, open_tables
from drillbook.scenario import Scenario


@dataclass(frozen=True)
class Run:
    """A run, readable for as long as it is open."""

    path: Path
    scenario: Scenario
    database: EvidenceDatabase
    """A table of each kind of evidence, and the views of them."""
    evidence: tuple[EvidenceState, ...]
    """Whether each kind is there and complete."""
    plan: PlanDocument
    environment: EnvironmentDocument

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query on tables and views."""
        return self.database.execute(query, parameters or None).fetchall()

    def has(self, name: str) -> bool:
        """Whether there is evidence of this kind at all."""
        return any(state != "missing" for stem, state, _ in self.evidence if stem == name)


@contextmanager
def open_run(run_directory: Path, scenario: Scenario) -> Iterator[Run]:
    """Read a run, for as long as the block lasts.

    Args:
        run_directory: holds the evidence.
        scenario: the run's.

    Raises:
        UsageError: a file holds something that is no evidence.
    """
    plan, environment = read(run_directory, PlanDocument), read(run_directory, EnvironmentDocument)
    with open_tables(run_directory) as (database, cut):
        evidence = states(database, run_directory, cut, scenario)
        describe(database, evidence, declared(scenario), sources(scenario))
        yield Run(run_directory, scenario, database, tuple(evidence), plan, environment)
