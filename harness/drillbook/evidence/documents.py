"""The JSON documents of the run directory, each a model with one writer and one reader.

A document is read leniently where that can mislead nobody: what it does not say has its default, as in a run made by hand, and keys that a
later version added are passed over. A value of another type is refused with its place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from drillbook.core.errors import UsageError

FORMAT = 2
"""Version of the run directory; ``docs/run-directory.md`` documents it, and what was other in earlier ones."""
FIRST = 1
"""That of a directory that does not say."""


OLDER_VERDICTS = {"unknown": "inconclusive"}
"""What verdicts were called in earlier formats, and are called now."""


def _readable(number: int) -> int:
    if number > FORMAT:
        raise ValueError(f"it is of a newer version of Drillbook, which this one cannot read: {number}, and {FORMAT} is known")
    return number


Format = Annotated[int, AfterValidator(_readable)]


class Document(BaseModel):
    """One whole file of the run directory."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    file: ClassVar[str]
    """Its name."""


D = TypeVar("D", bound=Document)


class PlannedFaultRecord(BaseModel):
    """A fault, as the seed made it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    kind: str = ""
    victims: tuple[str, ...] = ()
    trigger: str = ""
    moment: float | str = ""
    """Seconds after the start of the load, or after the end of the deployment; else the step, monitor or event that it comes with."""
    seconds: float | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    rule: dict[str, Any] | None = None
    victim_by_wire: bool = False


class PlanDocument(Document):
    """``plan.json``: every moment and victim drawn from the seed."""

    file = "plan.json"

    format: Format = FIRST
    seed: int | None = None
    tasks: int | None = None
    """How many tasks arrive in the time that the load takes at least."""
    steps: list[str] = Field(default_factory=list)
    """Those of the playbook that its text has."""
    faults: list[PlannedFaultRecord] = Field(default_factory=list)


class EnvironmentDocument(Document):
    """``environment.json``: what a run ran on, and nothing secret."""

    file = "environment.json"

    format: Format = FIRST
    drillbook: str | None = None
    run_id: str | None = None
    """As on the containers' labels."""
    seed: int | None = None
    replay: str | None = None
    """The command that runs this drill again."""
    began_at: str | None = None
    images: dict[str, Any] = Field(default_factory=dict)
    """References by part."""
    commit: str | None = None
    """Of the scenario's repository."""
    host: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)


class VerdictHead(Document):
    """The part of ``verdict.json`` that a list of runs shows; the whole is a judgement (``drillbook.judge.verdict``)."""

    file = "verdict.json"

    verdict: Annotated[str | None, AfterValidator(lambda word: OLDER_VERDICTS.get(word, word))] = None


def read(run_directory: Path, kind: type[D]) -> D:
    """Read a document of a run; one that says nothing where there is none.

    Raises:
        UsageError: it cannot be read; the message names the file and the place.
    """
    path = run_directory / kind.file
    if not path.exists():
        return kind()
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}{f': {place}' if place else ''}: {first['msg'].removeprefix('Value error, ')}.") from error


def text(document: Document) -> str:
    """The document as its file holds it: what is written is of the newest format."""
    return json.dumps(document.model_dump(mode="json") | {"format": FORMAT}, indent=2) + "\n"
