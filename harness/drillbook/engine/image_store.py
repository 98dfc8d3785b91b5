"""The door to the images for the commands and the stage: the names of the list, having them here, and the table of `drillbook images`."""

from __future__ import annotations

from drillbook.engine import images
from drillbook.engine.images import IMAGE_LIST, Image, ensure, ensure_build

__all__ = ["NAMES", "Image", "ensure", "ensure_build", "rows"]

NAMES = tuple(IMAGE_LIST)


def rows() -> list[tuple[str, str, str, str]]:
    """Name, reference, where it came from and size of every image, as text.

    Raises:
        HarnessError: no engine answers.
    """
    return [(row.name, row.reference or row.public, row.state, f"{row.size / 1e6:.0f} MB" if row.size else "") for row in images.rows()]
