"""Components of the stage: one file each, found by its ``kind``; other distributions add theirs by the entry point group
``drillbook.components``.

In: a scenario, and a run of a stage. Out: containers that are ready, and what clients are told of them. ``component`` says what a component
is. The rest of the project knows them by the stage that they are assembled to.
"""

from __future__ import annotations

from drillbook.core.additions import declared, import_all
from drillbook.core.errors import UsageError
from drillbook.scenario import RunnableScenario
from drillbook.stage.component import Component

GROUP = "drillbook.components"
"""Entry points of this group name a class, a subclass of `Component`."""

import_all(__name__, __path__, GROUP, "component")


def kinds() -> dict[str, type[Component]]:
    """Every kind of component, in the order of their names.

    Raises:
        UsageError: two are of one kind.
    """
    found: dict[str, type[Component]] = {}
    for kind in sorted(declared(Component.__subclasses__(), "kind"), key=lambda kind: kind.kind):
        if (first := found.get(kind.kind)) is not None:
            raise UsageError(f"{_name(first)} and {_name(kind)} are components of one kind, {kind.kind}.", "Rename or remove one.")
        found[kind.kind] = kind
    return found


def components_of(scenario: RunnableScenario) -> list[Component]:
    """The components that a scenario needs."""
    return [component for kind in kinds().values() for component in kind.of(scenario)]


def _name(kind: type[Component]) -> str:
    return f"{kind.__module__}.{kind.__name__}"
