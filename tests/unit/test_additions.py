"""What another distribution adds is there as if it were ours, from an installed one that is tiny."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenario_folder import SOUND, sound_folder

MODULE = '''
from drillbook.api import ContainerRef, Duration, Fault, FaultStage


class Hiccup(Fault):
    """Freeze a container again and again."""

    kind = "hiccup"
    undo = "docker unpause"
    target: ContainerRef
    every: Duration

    @property
    def aim(self) -> str:
        return self.target

    def begin(self, stage: FaultStage, victim: str) -> None:
        stage.container(victim).pause()

    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).status == "paused"

    def end(self, stage: FaultStage, victim: str) -> None:
        stage.container(victim).unpause()

    def cleared(self, stage: FaultStage, victim: str) -> bool:
        return stage.container(victim).status != "paused"
'''
RUNNER = '''
import subprocess, sys
from pathlib import Path

from drillbook.api import Here, ProgramReading, Runner, Wrong


class Cues(Runner[str]):
    """A cue sheet: a step a line, its name and what a shell does."""

    key = "cues"
    about = "A cue sheet."
    steps = "its cues"

    def command(self, value: str) -> str:
        return f"{sys.executable} -m cues {value}"

    def wrong(self, value: str, here: Here) -> Wrong | None:
        message = here.no_file(value, "cue sheet")
        return Wrong(message) if message else None

    def takes(self, words: tuple[str, ...]) -> bool:
        return words[1:3] == ("-m", "cues")

    def read(self, words: tuple[str, ...], folder: Path) -> ProgramReading:
        return ProgramReading(tuple(line.partition(": ")[0] for line in (folder / words[3]).read_text().splitlines()))

    def step_told(self, line: str) -> str | None:
        return line[3:] if line.startswith("== ") else None


if __name__ == "__main__":
    for line in Path(sys.argv[1]).read_text().splitlines():
        print("==", line.partition(": ")[0])
        if code := subprocess.call(line.partition(": ")[2], shell=True):
            sys.exit(code)
'''
COMPONENT = """
from drillbook.api import Component, WantedImage


class Cache(Component):
    kind = "cache"
    clients = ("harness", "workers")
    worker_variables = ("CACHE_URL",)

    @classmethod
    def of(cls, scenario):
        return [cls("cache", scenario)] if "cached" in scenario.tags else []

    @property
    def image(self):
        return WantedImage(("cache",), "redis:7")
"""
SHEET = "drain v2: echo draining\nstop v2: exit 7\nprove it: true\n"
RUN = """
import os
from pathlib import Path
from drillbook.playbook.program import Program
from drillbook.scenario import Playbook

class Told:
    begins = lambda self, step: None
    runs = lambda self, step: print("runs", step)
    ended = lambda self, step, exit_code, skipped=False: print("ended", step, exit_code)

command = Playbook.model_validate({"cues": "rollback.cues", "start": {"at": "1s"}}).command
outcome = Program(command, Path.cwd(), dict(os.environ), Path("transcript.log"), 30.0, Told(), str, output=print).run()
print("exit code", outcome.exit_code)
"""
USED = ("latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}", "hiccup: {target: workers.v2, every: 2s}")


def distribution(folder: Path, name: str, entry: str, module: str) -> Path:
    """Install a distribution of one module into a folder: its entry point is ``[group] name = module:Class``."""
    (folder / f"{name}-1.0.dist-info").mkdir(parents=True)
    (folder / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / f"{name}-1.0.dist-info" / "entry_points.txt").write_text(entry)
    (folder / f"{name}.py").write_text(module)
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on the path with a distribution that adds a fault."""
    return distribution(tmp_path / "site", "hiccup", "[drillbook.faults]\nhiccup = hiccup:Hiccup\n", MODULE)


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A folder on the path with a distribution that adds a runner."""
    return distribution(tmp_path / "site", "cues", "[drillbook.runners]\ncues = cues:Cues\n", RUNNER)


def python(path: Path, *arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)


def drillbook(path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return python(path, Path(sys.executable).parent / "drillbook", *arguments)


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


def test_two_faults_of_one_kind_are_a_sentence(installed: Path) -> None:
    (installed / "hiccup.py").write_text(MODULE.replace('kind = "hiccup"', 'kind = "pause"'))
    done = drillbook(installed, "schema")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "drillbook.faults.pause.Pause and hiccup.Hiccup are faults of one kind, pause." in done.stderr


def test_a_runner_of_another_distribution_is_one_of_the_scenario_s(runner: Path, tmp_path: Path) -> None:
    file = sound_folder(tmp_path / "drill")
    (file.parent / "rollback.cues").write_text(SHEET)
    file.write_text(SOUND.replace("  run: ./rollback.sh", "  cues: rollback.cues"))
    done = drillbook(runner, "validate", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "playbook: drain v2, stop v2, prove it" in done.stdout
    assert '"cues"' in drillbook(runner, "schema").stdout
    file.write_text(SOUND.replace("  run: ./rollback.sh", "  cues: rolback.cues"))
    assert (
        "scenario.yaml:32:9: there is no cue sheet rolback.cues; did you mean rollback.cues?" in drillbook(runner, "validate", file).stderr
    )
    file.write_text(SOUND.replace("  run: ./rollback.sh", "  run: ./rollback.sh\n  cues: rollback.cues"))
    assert "scenario.yaml:32:3: playbook: give exactly one of run, " in drillbook(runner, "validate", file).stderr


def test_a_program_of_such_a_runner_runs_and_its_own_lines_tell_of_its_steps(runner: Path, tmp_path: Path) -> None:
    (tmp_path / "rollback.cues").write_text(SHEET)
    done = python(runner, "-c", RUN, folder=tmp_path)
    assert (done.stdout.splitlines(), done.stderr) == (
        ["runs drain v2", "draining", "ended drain v2 None", "runs stop v2", "ended stop v2 7", "exit code 7"],
        "",
    )


def test_a_runner_that_cannot_be_loaded_is_a_sentence(runner: Path) -> None:
    (runner / "cues.py").write_text("import nothing_of_the_kind")
    done = drillbook(runner, "schema")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "the runner cues of cues cannot be loaded from cues:Cues: ModuleNotFoundError" in done.stderr


def test_two_runners_of_one_key_are_a_sentence(runner: Path) -> None:
    (runner / "cues.py").write_text(RUNNER.replace('key = "cues"', 'key = "ansible"'))
    done = drillbook(runner, "schema")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "drillbook.playbook.runners.ansible.Ansible and cues.Cues are runners of one key, ansible." in done.stderr


def test_a_component_of_another_distribution_is_one_of_the_stage_s(tmp_path: Path) -> None:
    site = distribution(tmp_path / "site", "cache", "[drillbook.components]\ncache = cache:Cache\n", COMPONENT)
    file = sound_folder(tmp_path / "drill")
    file.write_text(SOUND.replace("env: {QUEUE: tasks.v1}", "env: {CACHE_URL: here}"))
    done = drillbook(site, "validate", file)
    assert (done.returncode, "CACHE_URL is set by the stage; leave it out" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["hiccup", "cues", "cache"])
def test_one_that_is_imported_before_all_else_is_there_as_well(installed: Path, runner: Path, name: str) -> None:
    distribution(installed, "cache", "[drillbook.components]\ncache = cache:Cache\n", COMPONENT)
    done = python(runner, "-c", f"import {name}; from drillbook import api; print(api.Drilled.__name__)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Drilled\n", "")
