"""The base that images are built on where no registry is reached: Debian, made by mmdebstrap from Debian's own packages."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import docker

from drillbook.core.errors import HarnessError
from drillbook.engine.engine import Say, apt_install
from drillbook.engine.images.image_list import LABEL

SUITE = "trixie"
REPLACES = f"debian:{SUITE}-slim"
"""The public image that this one stands in for."""
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

_LAST_TOUCH = Path(__file__).with_suffix(".sh")
_RECIPE = (
    "--variant=minbase",
    "--include=ca-certificates",
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "doc")),
)


def reference() -> str:
    """The tag of the base; it changes with the recipe."""
    recipe = "\n".join((SUITE, *_RECIPE, _LAST_TOUCH.read_text(), *_trust()[0]))
    return f"drillbook/base:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def build(client: docker.DockerClient, say: Say) -> str:
    """Make the base and give it to the engine.

    Returns:
        Its reference.

    Raises:
        HarnessError: mmdebstrap is missing and cannot be installed, or failed.
    """
    if shutil.which("mmdebstrap") is None:
        apt_install(("mmdebstrap",), say)
    say(f"base: making Debian {SUITE} from packages")
    hooks, variables = _trust()
    changes = ['CMD ["bash"]', f"LABEL {LABEL}=base", *(f"ENV {name}={BUNDLE}" for name in variables)]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        last_touch = f'--customize-hook=sh {shlex.quote(str(_LAST_TOUCH))} "$1"'
        command = ["mmdebstrap", *_RECIPE, *hooks, last_touch, SUITE, str(archive)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(
                f"mmdebstrap could not make Debian {SUITE}: {_complaint(done.stderr)}.", "Are Debian's packages reachable from here?"
            )
        repository, _, tag = reference().partition(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=changes)
    return reference()


def _trust() -> tuple[list[str], list[str]]:
    """Hooks and variables that make the base trust what this machine was told to trust, where SSL_CERT_FILE says so."""
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle:
        return [], []
    return [f"--customize-hook=upload {shlex.quote(bundle)} {BUNDLE}"], ["SSL_CERT_FILE", "PIP_CERT"]


def _complaint(text: str) -> str:
    """The first error that mmdebstrap names; the ones after it follow from it."""
    lines = text.strip().splitlines()
    return next((line.removeprefix("E: ") for line in lines if line.startswith("E: ")), lines[-1] if lines else "it said nothing")
