"""The image list: the parts of a stage that the harness knows by name, and what an image is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ImageOrigin = Literal["present", "pulled", "built"]
FOLDER = Path(__file__).parent
LABEL = "drillbook.image"
"""On every image that was built here: its name."""
BASE_LABEL = "drillbook.base"
"""On every image that was built here: what it was built on."""


@dataclass(frozen=True)
class KnownImage:
    """An image of the list.

    Args:
        name: as a scenario says it.
        public: the reference that is pulled where a registry is reached.
    """

    name: str
    public: str

    @property
    def folder(self) -> Path:
        """Where its Dockerfile is."""
        return FOLDER / self.name


IMAGE_LIST = {
    known.name: known
    for known in (
        KnownImage("rabbitmq", "rabbitmq:4-management"),
        KnownImage("postgres", "postgres:17"),
        KnownImage("toxiproxy", "ghcr.io/shopify/toxiproxy:2.12.0"),
        KnownImage("python", "python:3.13-slim"),
        KnownImage("flagd", "ghcr.io/open-feature/flagd:v0.16.1"),
    )
}


@dataclass(frozen=True)
class Image:
    """An image that is on this machine.

    Args:
        name: as it was asked for.
        reference: what the engine starts.
        source: where `ensure` had it from this time.
        id: the engine's id, ``sha256:…``.
        digest: the registry's digest; empty for an image that was built here.
        origin: where it came from at first, in words for a person.
    """

    name: str
    reference: str
    source: ImageOrigin
    id: str
    digest: str
    origin: str
