"""A component of the harness's own that writes evidence: a folder that runs with nothing but Python."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from drillbook.engine.containers import StageContainer
from drillbook.stage.component import Component, StageRun
from drillbook.stage.images import WantedImage

ENDS_WITHIN_SECONDS = 10


class EvidenceWriter(Component):
    """A container that has the run directory at ``/evidence``.

    The folder is mounted, not copied: the engine mounts the container's disk once for every file that is put into it.
    """

    folder: ClassVar[Path]
    """A package without dependencies."""

    @property
    @abstractmethod
    def arguments(self) -> list[str]:
        """Of its command."""

    @property
    def image(self) -> WantedImage:
        return WantedImage(("python",), "python")

    @property
    def command(self) -> list[str]:
        return ["python3", "-m", self.folder.name, *self.arguments]

    @property
    def settings(self) -> dict[str, str | int]:
        return {"working_dir": "/opt", "user": f"{os.getuid()}:{os.getgid()}"}

    def container(self, run: StageRun) -> StageContainer:
        container = super().container(run)
        container.with_volume_mapping(str(run.directory.path.resolve()), "/evidence", "rw")
        container.with_volume_mapping(str(self.folder.resolve()), f"/opt/{self.folder.name}", "ro")
        return container

    def end(self, run: StageRun) -> None:
        """End it in order, so that its file has an end."""
        if self.name in run.containers:
            run.containers[self.name].stop(ENDS_WITHIN_SECONDS)
