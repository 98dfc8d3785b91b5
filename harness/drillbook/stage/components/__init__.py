"""Components of the stage: one file each, found by its ``kind``; other distributions add theirs by the entry point group
``drillbook.components``.

In: a scenario, and a run of a stage. Out: containers that are ready, and what clients are told of them. ``component`` says what a component
is. The rest of the project knows them by the stage that they are assembled to.
"""

from __future__ import annotations

from drillbook.core.additions import by_name, import_all
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
    return by_name(Component.__subclasses__(), "kind", "component")


def components_of(scenario: RunnableScenario) -> list[Component]:
    """The components that a scenario needs."""
    return [component for kind in kinds().values() for component in kind.of(scenario)]
