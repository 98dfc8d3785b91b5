"""What `drillbook images` shows: every image of the list and every image that was built here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import docker

from drillbook.engine import engine
from drillbook.engine.images import debian_base
from drillbook.engine.images.content import arguments, tag
from drillbook.engine.images.ensure import origin
from drillbook.engine.images.image_list import IMAGE_LIST, LABEL, KnownImage
from drillbook.engine.images.sources import present


@dataclass(frozen=True)
class ImageRow:
    """One image.

    Args:
        name: as a scenario says it, or of the folder it was built from.
        public: the reference that is pulled where a registry is reached; empty for an image of a user's folder.
        reference: the reference on this machine; empty while it is missing.
        state: where it came from, or that it is missing.
        size: in bytes; 0 while it is missing.
    """

    name: str
    public: str
    reference: str
    state: str
    size: int


def rows() -> list[ImageRow]:
    """The list first, then what else was built here.

    Raises:
        HarnessError: no engine answers.
    """
    client = engine.connect()
    listed = [_of_list(client, known) for known in IMAGE_LIST.values()]
    shown = {row.reference for row in listed}
    built = client.images.list(filters={"label": LABEL})
    others = [_row(image.labels[LABEL], "", image.tags[0], image) for image in built if image.tags and not shown & set(image.tags)]
    return listed + sorted(others, key=lambda row: (row.name, row.reference))


def _of_list(client: docker.DockerClient, known: KnownImage) -> ImageRow:
    own = arguments(known.folder)["BASE"]
    for reference in (known.public, tag(known.name, known.folder, own), tag(known.name, known.folder, debian_base.reference())):
        if image := present(client, reference):
            return _row(known.name, known.public, reference, image)
    return ImageRow(known.name, known.public, "", "missing: pulled or built when it is needed", 0)


def _row(name: str, public: str, reference: str, image: Any) -> ImageRow:
    return ImageRow(name, public, reference, origin(image), int(image.attrs.get("Size", 0)))
