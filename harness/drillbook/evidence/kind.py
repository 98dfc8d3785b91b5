"""What a kind of evidence is: one file ``<name>.jsonl`` of the run directory, declared in ``kinds/<name>.py`` as ``KIND``.

The tables of the judge, whether the evidence is complete, the stories of tasks, the schema that invariants are checked against and its
section of ``docs/run-directory.md`` all follow from the declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

Complete = Literal["by itself", "as it happens", "when collected", "at rest"]
"""What says that a file is complete, beside its last line and what the timeline calls incomplete. By itself: nothing else. As it happens:
it is there, and so is the timeline. When collected: collecting ended. At rest: and the stage had come to rest before it was read."""

_FEW = 8
"""Words that a table lists."""
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}


@dataclass(frozen=True)
class Kind:
    """One kind of evidence.

    Args:
        order: its place among the kinds, where they are listed.
        record: a line: a frozen dataclass whose fields are annotated with their meaning. Times are nanoseconds since the epoch.
        about: what the file holds, in a few words.
        page: its section of the documentation; ``@FIELDS@`` stands for the table of fields.
        complete: what says that nothing is missing.
        gap: SQL over its table and the timeline that gives the reason why lines may be missing, or no row; ``$sections`` are those of the
            scenario. Empty: there is no other reason.
        section: the section of the scenario that has it read; without it nobody misses the file. Empty: any drill has it.
        told: what it tells of a task, in a few words: ``who had it``. Empty: nothing.
        moments: SQL that gives moments of the tasks in ``told`` for their stories: task, at, rank and place (which go first of one
            moment), evidence, what, move, who, queue, connection, channel (``drillbook.judge.holders`` says what moves there are).
        latest: its column that says when something happened, if it is to count for when a run was over.
        older: by field the words of earlier formats, and what each is called now.
        given: a program of the drill may write it, into the file of its name in ``DRILL_STATE_DIR``; it is taken over after settling.
    """

    order: int
    record: type[Any]
    about: str
    page: str
    complete: Complete = "as it happens"
    gap: str = ""
    section: str = ""
    told: str = ""
    moments: str = ""
    latest: str = ""
    older: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of its fields, in order."""
        return [one.name for one in fields(self.record)]

    def markdown(self) -> str:
        """The table of its fields."""
        lines = ["| field | type | meaning |", "|---|---|---|"]
        for name, (kind, meaning) in self._meanings():
            lines.append(f"| `{name}` | {_words(name, kind)} | {meaning.replace('|', chr(92) + '|')} |")
        return self.page.replace("@FIELDS@", "\n".join(lines))

    def _meanings(self) -> Iterator[tuple[str, tuple[Any, str]]]:
        hints = get_type_hints(self.record, include_extras=True)
        for one in fields(self.record):
            annotation = hints[one.name]
            assert get_origin(annotation) is Annotated, f"{self.record.__name__}.{one.name} does not say what it means"
            yield one.name, get_args(annotation)[:2]


def _words(name: str, kind: Any) -> str:
    """A field's type as a person says it."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is Literal:
        words = get_args(kind)
        return ", ".join(f"`{word}`" for word in words) if len(words) <= _FEW else "see below"
    return "time" if kind is int and (name == "at" or name.endswith("_at")) else _PLAIN[kind]
