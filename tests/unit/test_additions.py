"""What another distribution adds is there as if it were ours, from an installed one that is tiny."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenario_folder import SOUND, sound_folder

MODULE = '''
from drillbook.core.refs import ContainerRef
from drillbook.core.units import Duration
from drillbook.faults import Fault, Stage


class Hiccup(Fault):
    """Freeze a container again and again."""

    kind = "hiccup"
    undo = "docker unpause"
    target: ContainerRef
    every: Duration

    @property
    def aim(self) -> str:
        return self.target

    def begin(self, stage: Stage, victim: str) -> None:
        stage.container(victim).pause()

    def bit(self, stage: Stage, victim: str) -> bool:
        return stage.container(victim).status == "paused"

    def end(self, stage: Stage, victim: str) -> None:
        stage.container(victim).unpause()

    def lifted(self, stage: Stage, victim: str) -> bool:
        return stage.container(victim).status != "paused"
'''
USED = ("latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}", "hiccup: {target: workers.v2, every: 2s}")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on the path with a distribution that adds a fault."""
    folder = tmp_path / "site"
    (folder / "hiccup-1.0.dist-info").mkdir(parents=True)
    (folder / "hiccup-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: hiccup\nVersion: 1.0\n")
    (folder / "hiccup-1.0.dist-info" / "entry_points.txt").write_text("[drillbook.faults]\nhiccup = hiccup:Hiccup\n")
    (folder / "hiccup.py").write_text(MODULE)
    return folder


def drillbook(path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))}
    command = [str(Path(sys.executable).parent / "drillbook"), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_a_fault_of_another_distribution_is_one_of_the_scenario_s(installed: Path, tmp_path: Path) -> None:
    file = sound_folder(tmp_path / "drill")
    file.write_text(SOUND.replace(*USED))
    assert drillbook(installed, "validate", file).returncode == 0
    assert '"hiccup"' in drillbook(installed, "schema").stdout
    file.write_text(SOUND.replace(*USED).replace("every: 2s", "every: soon"))
    done = drillbook(installed, "validate", file)
    assert done.returncode == 2
    assert "scenario.yaml:25:41: every: 'soon' is not a duration" in done.stderr


def test_one_that_cannot_be_loaded_is_a_sentence(installed: Path) -> None:
    (installed / "hiccup.py").write_text("import nothing_of_the_kind")
    done = drillbook(installed, "schema")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "the fault hiccup of hiccup cannot be loaded from hiccup:Hiccup: ModuleNotFoundError" in done.stderr
