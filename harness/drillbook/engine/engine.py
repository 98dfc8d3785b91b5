"""The Docker engine: asked for by every run, installed and started only by `drillbook doctor --install` and the Makefile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import DockerException

from drillbook.core.errors import HarnessError
from drillbook.engine.daemon import Daemon

PACKAGES = ("docker.io", "docker-cli", "iptables", "iproute2", "mmdebstrap", "curl")
"""An engine and what drills need beside it on Debian: before trixie docker-cli is part of docker.io; mmdebstrap makes a base for images
where no registry is reached; playbooks of the shipped drills call curl."""

Say = Callable[[str], None]


class RefusedError(HarnessError):
    """An engine is there, and this user may not use it."""


def connect() -> docker.DockerClient:
    """A client of the engine that answers here. Never installs or starts one.

    Raises:
        HarnessError: no engine answers, or it refuses this user.
    """
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (DockerException, OSError) as error:
        raise _unreachable(error) from None
    return client


def install(say: Say) -> str:
    """Have an engine that answers: nothing to do, start the one that is installed, or install it from Debian packages first.

    Args:
        say: told what is going on.

    Returns:
        What was done, in one sentence.

    Raises:
        HarnessError: it cannot be done here; the sentence says what is missing, or that an engine refuses this user.
    """
    daemon = Daemon()
    if _answers():
        return "A Docker engine already answers."
    if host := os.environ.get("DOCKER_HOST"):
        raise HarnessError(f"No Docker engine answers at DOCKER_HOST={host}.", "Start it, or unset DOCKER_HOST.")
    if os.geteuid() != 0:
        raise HarnessError("No Docker engine answers, and only root may start one.", "Start Docker, or run this as root.")
    installed = _install_missing(say)
    if not daemon.answers():
        say("starting the Docker engine")
        _start(daemon)
    return f"{'Installed and started' if installed else 'Started'} the Docker engine."


def stop_ours() -> bool:
    """End the engine that `install` started; False where there is none. Never ends one that was started by anybody else."""
    return Daemon().stop()


def apt_install(packages: tuple[str, ...], say: Say) -> None:
    """Install Debian packages, those of them that this release has.

    Raises:
        HarnessError: not root, not Debian, or apt-get failed.
    """
    names = ", ".join(packages)
    if shutil.which("apt-get") is None:
        raise HarnessError(f"{names} can only be installed on Debian and its kin: apt-get is missing.", "Install Docker by hand.")
    if os.geteuid() != 0:
        raise HarnessError(f"Only root can install {names}.", "Run `drillbook doctor --install` as root.")
    say(f"installing {names}")
    _apt("update")  # a foreign list that cannot be refreshed fails this, not the packages; so only the installation decides
    known = set(subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=False).stdout.split())
    done = _apt("install", "-y", "--no-install-recommends", *(package for package in packages if package in known))
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise HarnessError(f"apt-get could not install {names}: {lines[-1] if lines else 'it said nothing'}")


def _answers() -> bool:
    """Whether an engine answers this user.

    Raises:
        RefusedError: one does, but not this user: a second one would not help.
    """
    try:
        connect()
    except RefusedError:
        raise
    except HarnessError:
        return False
    return True


def _unreachable(error: Exception) -> HarnessError:
    where = os.environ.get("DOCKER_HOST", "the local socket")
    if "Permission denied" in str(error):
        return RefusedError(f"The Docker engine at {where} refuses this user.", "Run as root, or as a member of the group docker.")
    return HarnessError(f"No Docker engine answers at {where}.", "Start Docker, or run `drillbook doctor --install` (root on Debian).")


def _install_missing(say: Say) -> bool:
    tools = ("dockerd", "docker", "iptables", "ip", "mmdebstrap", "curl")
    if all(shutil.which(tool) for tool in tools):
        return False
    apt_install(PACKAGES, say)
    return True


def _start(daemon: Daemon) -> None:
    """Through the service manager where there is one, which then owns it; else by ourselves."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker"], check=False, stdin=subprocess.DEVNULL, capture_output=True)
        if daemon.answers():
            return
    daemon.start()


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def main(arguments: list[str]) -> int:
    """What the Makefile asks for: an engine that answers, or with ``stop`` the end of the one that it started."""
    try:
        if arguments == ["stop"]:
            print("Ended the Docker engine." if stop_ours() else "No Docker engine was started from here.")
        elif not _answers():
            print(install(print))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
