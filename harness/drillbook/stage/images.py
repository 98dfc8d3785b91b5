"""The images of a stage: what its components want, and the references that are on this machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.engine import image_store
from drillbook.engine.engine import Say


@dataclass(frozen=True)
class WantedImage:
    """An image that a component is made of: one that is there to be had, or one that is built from a folder.

    Args:
        keys: where it stands under ``images`` in ``environment.json``; equal ones are one image.
        reference: a name that `drillbook images` lists, or any image reference.
        build: a folder with a Dockerfile, relative to the scenario file.
    """

    keys: tuple[str, ...]
    reference: str | None = None
    build: str | None = None


@dataclass(frozen=True)
class StageImages:
    """The images of a stage, each a reference that is on the machine."""

    found: Mapping[tuple[str, ...], str]
    """By the keys that they were wanted with."""

    def __getitem__(self, wanted: WantedImage) -> str:
        return self.found[wanted.keys]

    @property
    def workers(self) -> dict[str, str]:
        """By version."""
        return {keys[1]: reference for keys, reference in self.found.items() if keys[0] == "workers"}

    def document(self) -> dict[str, Any]:
        """As ``environment.json`` has them."""
        document: dict[str, Any] = {}
        for (*groups, name), reference in self.found.items():
            place = document
            for group in groups:
                place = place.setdefault(group, {})
            place[name] = reference
        return document


def ensure_images(wanted: Collection[WantedImage], folder: Path, say: Say) -> StageImages:
    """Have every image on this machine: here already, pulled, or built.

    Args:
        wanted: what the components of a stage want.
        folder: where the scenario file is.
        say: told what is done, for the person who waits.

    Raises:
        HarnessError: no engine answers, or an image cannot be had.
    """
    references = dict.fromkeys(image.reference for image in wanted if image.reference)
    had = image_store.ensure(list(references), say)
    built = {
        build: image_store.ensure_build((folder / build).resolve(), say) for build in sorted({one.build for one in wanted if one.build})
    }
    return StageImages({image.keys: (had[image.reference] if image.reference else built[image.build or ""]).reference for image in wanted})
