"""The three sources of an image, each one function that gives its engine id, or says why it has none."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException

from drillbook.core.errors import HarnessError
from drillbook.engine.engine import Say
from drillbook.engine.images.content import arguments

_PROXIES = tuple(spelling for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY") for spelling in (name, name.lower()))
_PACKAGE_SOURCES = ("GOPROXY", "GOSUMDB", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY")
_RUN = re.compile(r"Step (\d+/\d+) : RUN\s+(.+)")
_SIGNS_OF_SILENCE = ("no such host", "connection refused", "no route to host", "network is unreachable", "timed out", "timeout")
_UNREACHABLE: dict[str, str] = {}
"""Registries that did not answer this process, with the reason; each is asked once."""


class NotPulled(Exception):  # noqa: N818 - an answer of this package, never shown as an error
    """The registry does not give that image; the text says why."""


def present(client: docker.DockerClient, reference: str) -> Any | None:
    """The engine's image of that reference, if it is on this machine."""
    try:
        return client.images.get(reference)
    except ImageNotFound:
        return None


def pull(client: docker.DockerClient, reference: str, say: Say) -> Any:
    """Have the engine fetch an image from its registry.

    The engine itself gives up on a registry that stays silent (25 s were measured); one whose name is not known fails at once.

    Args:
        client: of the engine.
        reference: of a public image; without a tag it is ``latest``.
        say: told what is going on.

    Raises:
        NotPulled: the registry does not answer, or does not have it.
    """
    registry = registry_of(reference)
    if registry in _UNREACHABLE:
        raise NotPulled(_UNREACHABLE[registry])
    say(f"pulling {reference}")
    try:
        for event in client.api.pull(*repository_and_tag(reference), stream=True, decode=True):
            if "error" in event:
                raise NotPulled(_reason(str(event["error"]), registry))
    except (DockerException, RequestException, OSError) as error:
        raise NotPulled(_reason(str(error), registry)) from None
    return client.images.get(reference)


def build(client: docker.DockerClient, folder: Path, reference: str, say: Say, given: dict[str, str], labels: dict[str, str]) -> Any:
    """Have the engine build a folder's Dockerfile.

    Args:
        client: of the engine.
        folder: with the Dockerfile.
        reference: the tag it gets.
        say: told of every step that takes time.
        given: build arguments, beside those of this machine's proxies.
        labels: put on the image.

    Raises:
        HarnessError: a step failed; the message ends with what it said last.
    """
    said: list[str] = []
    stream = client.api.build(
        path=str(folder),
        tag=reference,
        buildargs=_from_environment(folder) | given,
        labels=labels,
        network_mode="host" if _proxy_on_loopback() else None,
        rm=True,
        forcerm=True,
        decode=True,
    )
    for event in stream:
        line = str(event.get("stream", "")).strip()
        if "error" in event:
            raise HarnessError(f"{folder}/Dockerfile could not be built: {event['error']} It said last: {' / '.join(said[-3:])}")
        if step := _RUN.match(line):
            say(" ".join(step.group(1, 2))[:100])
        elif line:
            said.append(line.splitlines()[-1])
    return client.images.get(reference)


def registry_of(reference: str) -> str:
    """The host that a reference is pulled from, as the engine reads it."""
    first, slash, _ = reference.partition("/")
    return first if slash and (re.search(r"[.:]", first) or first == "localhost") else "docker.io"


def repository_and_tag(reference: str) -> tuple[str, str | None]:
    """Repository and tag; a digest stays whole, and no tag means ``latest``, since the engine would fetch every tag there is."""
    if "@" in reference:
        return reference, None
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, "latest")


def _reason(error: str, registry: str) -> str:
    """Why a pull failed, shortly. A registry that cannot be reached is remembered; one that only refuses this image is not."""
    sign = next((sign for sign in _SIGNS_OF_SILENCE if sign in error.lower()), None)
    if sign is None:
        return f"{registry} refuses it ({error.strip()})"
    _UNREACHABLE[registry] = f"{registry} cannot be reached ({sign})"
    return _UNREACHABLE[registry]


def _from_environment(folder: Path) -> dict[str, str]:
    """Build arguments that this machine's environment sets: proxies always, package sources where the Dockerfile declares them."""
    declared = arguments(folder)
    wanted = (*_PROXIES, *(name for name in _PACKAGE_SOURCES if name in declared))
    return {name: os.environ[name] for name in wanted if os.environ.get(name)}


def _proxy_on_loopback() -> bool:
    hosts = (urlsplit(os.environ.get(name, "")).hostname for name in _PROXIES)
    return any(host in ("localhost", "127.0.0.1", "::1") for host in hosts)
