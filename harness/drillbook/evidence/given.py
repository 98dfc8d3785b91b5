"""Evidence that a program of the drill writes itself, into its state directory: a kind that says so is taken over from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from drillbook.core.errors import UsageError
from drillbook.evidence.kind import Kind


def given(kind: Kind, file: Path) -> Iterator[Any]:
    """The records of a file, none where there is no file; keys that they do not have are passed over.

    Args:
        kind: what they are.
        file: a JSON object a line.

    Raises:
        UsageError: a line is none; the message names file and line.
    """
    if not file.exists():
        return
    adapter = TypeAdapter(kind.record)
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield adapter.validate_json(line, strict=True)
                except ValidationError as error:
                    first = error.errors()[0]
                    place = ".".join(map(str, first["loc"]))
                    raise UsageError(f"line {number} of {file.name}{f', {place}' if place else ''}: {first['msg']}.") from error
