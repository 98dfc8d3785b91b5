"""The tap's settings: a JSON file that the stage writes and the tap reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .selector import Selector, selector


@dataclass(frozen=True)
class TapLink:
    """One port of the tap, and who is known to dial it."""

    name: str
    """As in the scenario: ``workers.v2.1 -> broker``."""
    listen: int
    """TCP port; 0: any free one, printed when the tap listens."""
    peer: str
    """Name of the container or program at the client's end."""
    version: str | None = None


@dataclass(frozen=True)
class CaptureSettings:
    """Where delivered messages are kept, from when."""

    output: str
    begin: str
    """Path of a file whose presence says that messages are wanted from now on."""
    most: int
    """Octets that the output may take."""


@dataclass(frozen=True)
class TapSettings:
    """What a tap needs to know."""

    output: str
    upstream: tuple[str, int]
    """Host and port of the broker; the name is looked up for every connection."""
    selector: Selector
    """Where a message carries its task's id."""
    links: tuple[TapLink, ...]
    rules: str | None = None
    """Path of the rules of faults; None: no rule is ever armed."""
    capture: CaptureSettings | None = None
    """None: no message is ever kept."""
    address: str = "0.0.0.0"  # noqa: S104  in a container of its own, on a network of its own


def config(
    links: Iterable[Mapping[str, object]],
    upstream: tuple[str, int],
    output: str,
    id_from: str,
    rules: str | None = None,
    capture: CaptureSettings | None = None,
) -> dict[str, Any]:
    """The settings as JSON can hold them. Pure.

    Args:
        links: for each link its ``name``, ``listen`` (port), ``peer`` and, where it has one, ``version``.
        upstream: host and port of the broker, as the tap sees it.
        output: path of ``wire.jsonl``, as the tap sees it.
        id_from: where a message carries its task's id: ``message_id``, ``correlation_id``, ``header:NAME`` or ``body:$.path``.
        rules: path of the rules of faults (``rules.json``), as the tap sees it; they are read at the start and at every SIGHUP.

        capture: where messages are kept, with paths as the tap sees them.

    Raises:
        ValueError: ``id_from`` names no such place.
    """
    selector(id_from)
    settings = {"output": output, "id_from": id_from, "upstream": list(upstream), "links": [dict(link) for link in links]}
    more = {"rules": rules, "capture": asdict(capture) if capture else None}
    return settings | {name: value for name, value in more.items() if value is not None}


def read(path: Path) -> TapSettings:
    """The settings in a file.

    Raises:
        ValueError: the file is not what ``config`` makes; the message says why.
        OSError: it cannot be read.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        host, port = content.pop("upstream")
        links = tuple(TapLink(**link) for link in content.pop("links"))
        capture = content.pop("capture", None)
        return TapSettings(
            upstream=(host, port),
            links=links,
            selector=selector(content.pop("id_from")),
            capture=CaptureSettings(**capture) if capture else None,
            **content,
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def prefix(link: TapLink, connection: int) -> str:
    """What every line of a connection says first, as JSON that begins with a comma."""
    fields: Sequence[tuple[str, object]] = (
        ("link", link.name),
        ("peer", link.peer),
        ("version", link.version),
        ("connection", connection),
    )
    return "".join(f',"{key}":{json.dumps(value)}' for key, value in fields if value is not None)
