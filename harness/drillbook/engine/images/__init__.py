"""The images of a stage. In: names of the image list, references, or folders with a Dockerfile. Out: images that are on this machine.

Each comes from the first of three sources that has it: the machine itself, a registry, or the Dockerfile of that name in this folder, built
on a base from Debian packages where no registry is reached. Nothing here starts a container.
"""

from drillbook.engine.images.ensure import ensure, ensure_build
from drillbook.engine.images.image_list import IMAGE_LIST, Image, KnownImage
from drillbook.engine.images.listing import ImageRow, rows

__all__ = ["IMAGE_LIST", "Image", "ImageRow", "KnownImage", "ensure", "ensure_build", "rows"]
