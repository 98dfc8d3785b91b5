"""Has images on this machine: each from the first source that has it, several at a time, with progress told."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import docker

from drillbook.core.errors import HarnessError
from drillbook.engine import engine
from drillbook.engine.daemon import state_directory
from drillbook.engine.engine import Say
from drillbook.engine.images import debian_base, sources
from drillbook.engine.images.content import arguments, tag
from drillbook.engine.images.image_list import BASE_LABEL, IMAGE_LIST, LABEL, Image, ImageOrigin


def ensure(wanted: Sequence[str], say: Say) -> dict[str, Image]:
    """Have every wanted image on this machine.

    Args:
        wanted: names of the image list, or any other reference.
        say: told what is going on; called from several threads.

    Returns:
        The images by what they were wanted as.

    Raises:
        HarnessError: no engine answers, or no source has one of them.
    """
    store = _Store(engine.connect(), say)
    return _side_by_side({name: partial(store.image, name) for name in dict.fromkeys(wanted)})


def ensure_build(folder: Path, say: Say) -> Image:
    """Have the image of a folder with a Dockerfile on this machine; built anew only when a file in it changed.

    A Dockerfile that declares ``ARG BASE=debian:trixie-slim`` and builds ``FROM ${BASE}`` is built on a base from Debian packages
    where that image cannot be pulled.

    Raises:
        HarnessError: no engine answers, the folder has no Dockerfile, or the build failed.
    """
    folder = folder.resolve()
    if not (folder / "Dockerfile").is_file():
        raise HarnessError(f"{folder} has no Dockerfile.", "A part of the stage that says `build` names a folder with one.")
    return _Store(engine.connect(), say).build(folder.name, folder)


class _Store:
    """The images of one engine."""

    def __init__(self, client: docker.DockerClient, say: Say) -> None:
        self.client, self.say = client, say
        self._base_lock = threading.Lock()

    def image(self, name: str) -> Image:
        known = IMAGE_LIST.get(name)
        reference = known.public if known else name
        if found := sources.present(self.client, reference):
            return self._image(name, reference, "present", found)
        if known and (built := self._already_built(name, known.folder)):
            return built
        say = self._prefixed(name)
        try:
            return self._image(name, reference, "pulled", sources.pull(self.client, reference, say))
        except sources.NotPulled as reason:
            if known is None:
                hint = f"Load it by hand (`docker load`), or name one of the list: {', '.join(IMAGE_LIST)}."
                raise HarnessError(f"The image {name} is not on this machine and cannot be pulled: {reason}.", hint) from None
            say(f"cannot be pulled: {reason}; it is built here")
        return self.build(name, known.folder)

    def build(self, name: str, folder: Path) -> Image:
        if built := self._already_built(name, folder):
            return built
        with _alone(f"build {name}"):
            return self._already_built(name, folder) or self._build(name, folder)

    def _build(self, name: str, folder: Path) -> Image:
        say = self._prefixed(name)
        given = self._base_for(folder)
        built_on = given or arguments(folder).get("BASE", "")
        reference = tag(name, folder, built_on)
        started = time.monotonic()
        labels = {LABEL: name, BASE_LABEL: built_on}
        found = sources.build(self.client, folder, reference, say, {"BASE": given} if given else {}, labels)
        say(f"built in {time.monotonic() - started:.0f} s")
        return self._image(name, reference, "built", found)

    def _already_built(self, name: str, folder: Path) -> Image | None:
        for built_on in (arguments(folder).get("BASE", ""), debian_base.reference()):
            reference = tag(name, folder, built_on)
            if found := sources.present(self.client, reference):
                return self._image(name, reference, "present", found)
        return None

    def _base_for(self, folder: Path) -> str:
        """The base to build on instead of the Dockerfile's own; empty where that one can be had, or is none of ours to replace."""
        if arguments(folder).get("BASE") != debian_base.REPLACES or sources.present(self.client, debian_base.REPLACES):
            return ""
        with self._base_lock, _alone("base"):
            reference = debian_base.reference()
            if sources.present(self.client, reference):
                return reference
            with suppress(sources.NotPulled):
                sources.pull(self.client, debian_base.REPLACES, self._prefixed("base"))
                return ""
            return debian_base.build(self.client, self.say)

    def _image(self, name: str, reference: str, source: ImageOrigin, found: Any) -> Image:
        digests = found.attrs.get("RepoDigests") or [""]
        return Image(name, reference, source, str(found.id), digests[0].partition("@")[2], origin(found))

    def _prefixed(self, name: str) -> Say:
        return lambda text: self.say(f"{name}: {text}")


def origin(found: Any) -> str:
    """Where an image of the engine came from at first, in words."""
    labels = found.labels or {}
    if LABEL in labels:
        return f"built here on {labels[BASE_LABEL]}" if labels.get(BASE_LABEL) else "built here"
    return "pulled" if found.attrs.get("RepoDigests") else "loaded by hand"


def _side_by_side(jobs: dict[str, Callable[[], Image]]) -> dict[str, Image]:
    """Do all at once; when one fails the rest still ends in order, and the first failure is raised."""
    if not jobs:
        return {}
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        futures = {name: pool.submit(job) for name, job in jobs.items()}
    return {name: future.result() for name, future in futures.items()}


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Hold off other processes that would do the same at the same time."""
    name = "".join(letter if letter.isalnum() else "-" for letter in what)[:100]
    with (state_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
