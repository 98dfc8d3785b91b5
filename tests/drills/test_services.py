"""A further server on a real stage, flagd's or its stand-in's: reached over links of its own, hit by faults, edited by programs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import SHORT, link_faults

from drillbook.core.progress import Progress
from drillbook.core.wait import until
from drillbook.drill import stage_images
from drillbook.engine.clean import remains
from drillbook.evidence import RunDirectory
from drillbook.faults.base import Fault
from drillbook.faults.pause import Pause
from drillbook.faults.restart import Restart
from drillbook.stage.stage import Stage
from drillbook.validation.loader import load

FLAGS = {"flags": {"new": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}}}
SERVICE = """  services:
    flags:
      image: flagd
      command: [start, --uri, "file:/etc/flagd/flags.json"]
      port: 8016
      ports: {sync: 8015}
      folder: {from: flags, to: /etc/flagd}
  workers:
"""
LINKS = ("load -> flags", "operator -> flags", "workers.v1.1 -> flags")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage of the short drill with a flag service, shared by this module's tests; each leaves it as it found it."""
    folder = tmp_path_factory.mktemp("drill")
    (folder / "flags").mkdir(mode=0o700)
    (folder / "flags" / "flags.json").write_text(json.dumps(FLAGS))
    (folder / "playbook.sh").write_bytes((SHORT.parent / "playbook.sh").read_bytes())
    (folder / "playbook.sh").chmod(0o755)
    file = folder / "scenario.yaml"
    repository = str(Path(__file__).parents[2])
    file.write_text(SHORT.read_text().replace("../../..", repository).replace("  workers:\n", SERVICE, 1))
    scenario = load(file)
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    made = Stage(
        scenario, folder, run, f"tests-{secrets.token_hex(4)}", stage_images(scenario, folder, Progress(quiet=True)), lambda _: None
    )
    try:
        made.start()
        yield made
    finally:
        made.close()


def said(stage: Stage) -> str:
    """What the service answers a program."""
    address = stage.environment()["FLAGS_ADDRESS"]
    return str(requests.post(f"http://{address}/ofrep/v1/evaluate/flags/new", json={"context": {}}, timeout=30).json()["variant"])


def test_a_program_reaches_the_server_by_what_it_is_told(stage: Stage) -> None:
    assert said(stage) == "on"


def test_a_program_that_edits_the_folder_is_heard_by_the_server(stage: Stage) -> None:
    file = Path(stage.environment()["FLAGS_FOLDER"]) / "flags.json"
    before = file.read_text()
    for variant, text in (("off", before.replace('"defaultVariant": "on"', '"defaultVariant": "off"')), ("on", before)):
        new = file.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.replace(file)
        assert until(lambda variant=variant: said(stage) == variant, 10)


def test_the_folder_beside_the_scenario_stays_as_it_was(stage: Stage) -> None:
    assert json.loads((stage.folder / "flags" / "flags.json").read_text()) == FLAGS
    assert Path(stage.environment()["FLAGS_FOLDER"]).is_relative_to(stage.run.path)


def test_a_worker_is_told_where_the_server_is(stage: Stage) -> None:
    told = stage.container("workers.v1.1")._wrapped.attrs["Config"]["Env"]
    assert [name.split("=")[0] for name in sorted(told) if name.startswith("FLAGS")] == ["FLAGS_ADDRESS", "FLAGS_SYNC_ADDRESS"]


def test_the_server_is_one_of_the_run_s_containers(stage: Stage) -> None:
    (mine,) = [remain for remain in remains() if remain.run_id == stage.run_id]
    assert mine.containers == 6


@pytest.mark.parametrize(("link", "fault"), [(link, fault) for link in LINKS for fault in link_faults(link)], ids=str)
def test_every_way_to_the_server_can_be_cut_and_slowed(stage: Stage, fault: Fault, link: str) -> None:
    assert not fault.took_effect(stage, link)
    fault.begin(stage, link)
    assert fault.took_effect(stage, link)
    fault.end(stage, link)
    assert fault.cleared(stage, link)


def test_the_server_can_be_paused(stage: Stage) -> None:
    fault = Pause(target="flags")
    fault.begin(stage, "flags")
    assert not stage.container("flags").answers()
    fault.end(stage, "flags")
    assert until(stage.container("flags").answers, 10)


def test_the_server_can_be_restarted_and_answers_again(stage: Stage) -> None:
    fault = Restart(target="flags")
    fault.begin(stage, "flags")
    assert fault.took_effect(stage, "flags")
    assert until(lambda: fault.cleared(stage, "flags"), 20)
    assert said(stage) == "on"


def test_the_server_s_log_is_kept(stage: Stage) -> None:
    stage.save_logs()
    assert (stage.run.path / "logs" / "flags.log").stat().st_size > 0
