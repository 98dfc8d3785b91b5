"""What a run ran on: versions, images, commit, host; enough to replay it, and nothing secret."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from drillbook import __version__
from drillbook.evidence.documents import EnvironmentDocument
from drillbook.stage.images import StageImages

_PACKAGES = ("locust", "pika", "testcontainers", "toxiproxy-python", "duckdb", "pytest")


def environment(scenario: Path, seed: int, replay: str, run_id: str, images: StageImages) -> EnvironmentDocument:
    """What a drill runs on.

    Args:
        scenario: the scenario file.
        seed: the seed.
        replay: the command that runs this drill again.
        run_id: as on the containers' labels.
        images: of the stage.
    """
    return EnvironmentDocument(
        drillbook=__version__,
        run_id=run_id,
        seed=seed,
        replay=replay,
        began_at=datetime.now(UTC).isoformat(timespec="seconds"),
        images=images.document(),
        commit=_commit(scenario.parent),
        host={"system": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()},
        packages={name: version(name) for name in _PACKAGES},
    )


def _commit(folder: Path) -> str | None:
    """The commit of the scenario's repository, marked when its tree was changed; None outside a repository."""
    try:
        shown = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return shown.stdout.strip()
