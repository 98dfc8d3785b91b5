"""Removes what runs left behind: containers, networks and child processes that carry a run's id, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil
from docker.errors import APIError, DockerException, NotFound

from drillbook.core.errors import HarnessError, UsageError
from drillbook.engine.labels import OWNER, RUN, VARIABLE, alive
from drillbook.evidence.documents import EnvironmentDocument, read


@dataclass(frozen=True)
class Remains:
    """What is left of one run."""

    run_id: str
    alive: bool
    """Its harness still runs."""
    containers: int
    networks: int
    processes: int


def remains() -> list[Remains]:
    """What every run on this machine holds, those that still run included.

    Raises:
        HarnessError: the engine does not answer.
    """
    client = _client()
    containers = client.containers.list(all=True, filters={"label": RUN}, ignore_removed=True)
    networks = client.networks.list(filters={"label": RUN})
    processes = list(_processes())
    owners: dict[str, str] = {}
    for labelled in (*(container.labels for container in containers), *(network.attrs["Labels"] for network in networks)):
        owners[labelled[RUN]] = labelled.get(OWNER, "")
    ids = sorted({*owners, *(run_id for _, run_id in processes)})
    return [
        Remains(
            run_id,
            alive(owners[run_id]) if owners.get(run_id) else False,
            sum(container.labels[RUN] == run_id for container in containers),
            sum(network.attrs["Labels"][RUN] == run_id for network in networks),
            sum(found == run_id for _, found in processes),
        )
        for run_id in ids
    ]


def clean(which: str | None) -> list[str]:
    """Remove what dead runs left, or one named run.

    Args:
        which: a run's id, a beginning that only it has, or its run directory; None: every run whose harness is gone.

    Returns:
        One sentence a run.

    Raises:
        HarnessError: the engine does not answer.
        UsageError: several runs begin so.
    """
    found = remains()
    if which is not None:
        found = _named(which, found)
        if not found:
            return [f"Nothing is left of {which}."]
    told = []
    for remain in found:
        if remain.alive and which is None:
            told.append(f"{remain.run_id}: still running, skipped.")
            continue
        remove_run(remain.run_id)
        told.append(f"{remain.run_id}: removed {remain.containers} containers, {remain.networks} networks, {remain.processes} processes.")
    return told or ["Nothing to clean."]


def _named(which: str, found: list[Remains]) -> list[Remains]:
    """The one run that a person means."""
    if not which:
        raise UsageError("name a run, or none for all runs whose harness is gone.")
    name = (read(Path(which), EnvironmentDocument).run_id or Path(which).name).lower()
    named = [remain for remain in found if remain.run_id.startswith(name)]
    if len(named) > 1 and name not in {remain.run_id for remain in named}:
        raise UsageError(f"several runs begin with {which}: {', '.join(remain.run_id for remain in named)}.", "Name one.")
    return [remain for remain in named if remain.run_id == name] or named


def remove_run(run_id: str) -> None:
    """Remove every container, network and child process of one run; what is gone already is fine.

    Raises:
        HarnessError: the engine does not answer, or refuses.
    """
    end_processes(run_id)
    client = _client()
    label: dict[str, str | list[str] | bool] = {"label": f"{RUN}={run_id}"}
    try:
        containers = client.containers.list(all=True, filters=label, ignore_removed=True)
        if containers:
            with ThreadPoolExecutor(len(containers)) as pool:
                list(pool.map(_remove, containers))
        for network in client.networks.list(filters=label):
            with suppress(NotFound):  # another clean was faster
                network.remove()
    except DockerException as error:
        raise HarnessError(f"the engine did not remove run {run_id}: {error}.", "Run `drillbook clean` again.") from error


def end_processes(run_id: str) -> None:
    """End the child processes of one run: Locust, deployment, playbook, and what those started."""
    found = [process for process, owner in _processes() if owner == run_id]
    for process in found:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    # A child of this process is left to whoever started it: reaping it here would lose its exit code.
    children = set(psutil.Process().children())
    psutil.wait_procs([process for process in found if process not in children], timeout=5)


def _processes() -> Iterable[tuple[psutil.Process, str]]:
    """Processes of this user that carry a run's id in their environment, and that id; never this process or its ancestors."""
    me = psutil.Process()
    own = {me.pid, *(parent.pid for parent in me.parents())}
    for process in psutil.process_iter():
        try:
            run_id = process.environ().get(VARIABLE)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess, OSError):
            continue
        if run_id and process.pid not in own:
            yield process, run_id


def _remove(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: its removal is under way already
            raise


def _client() -> docker.DockerClient:
    from drillbook.engine.engine import connect

    return connect()
