"""Further servers of a stage: their names, links, addresses and folders, and what the loader refuses of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder

from drillbook import plan
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Addresses, Credentials
from drillbook.stage.component import planned_links
from drillbook.stage.components import components_of, services
from drillbook.stage.components.tap import tapped
from drillbook.validation.loader import load

FLAGS = "flags: {image: flagd, port: 8016, ports: {sync: 8015}, folder: {from: worker, to: /etc/flagd}}"
WORKERS = "  workers:\n"
KILL = "kill: {target: workers.v2, pick: one}"


def drill(services: str = FLAGS, old: str = "", new: str = "") -> str:
    """The sound drill with these servers, and with one thing replaced."""
    text = SOUND.replace(WORKERS, f"  services: {{{services}}}\n{WORKERS}", 1)
    return text.replace(old, new) if old else text


def loaded(path: Path, text: str) -> RunnableScenario:
    """What the loader makes of a text."""
    file = sound_folder(path / "drill")
    file.write_text(text)
    return load(file)


@pytest.fixture
def scenario(tmp_path: Path) -> RunnableScenario:
    return loaded(tmp_path, drill())


def addresses(scenario: RunnableScenario) -> Addresses:
    """Of a stage that has not started."""
    return Addresses(Credentials(), planned_links(components_of(scenario), scenario, Credentials()))


def test_every_client_has_a_link_to_a_server(scenario: RunnableScenario) -> None:
    assert [link for link in plan.links(scenario) if link.endswith("-> flags")] == [
        "load -> flags",
        "operator -> flags",
        *(f"workers.{worker} -> flags" for worker in ("v1.1", "v1.2", "v2.1", "v2.2")),
    ]


def test_a_fault_can_hit_a_server(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, drill(FLAGS, KILL, "pause: {target: flags}"))
    assert plan.make_plan(scenario, 1).faults[1].victims == ("flags",)


def test_a_fault_can_hit_the_way_to_a_server(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, drill(FLAGS, KILL, "cut: {link: workers.v2 -> flags}"))
    assert plan.make_plan(scenario, 1).faults[1].victims == ("workers.v2.1 -> flags", "workers.v2.2 -> flags")


def test_a_link_to_a_server_leads_to_each_of_its_ports(scenario: RunnableScenario) -> None:
    routes = addresses(scenario).links["load -> flags"].routes
    assert [(route.name, route.upstream) for route in routes] == [
        ("load-to-flags", "flags:8016"),
        ("load-to-flags-sync", "flags:8015"),
    ]


def test_no_two_proxies_have_the_same_port(scenario: RunnableScenario) -> None:
    listening = [route.listen for link in addresses(scenario).links.values() for route in link.routes]
    assert len(listening) == len(set(listening))


def test_a_link_to_a_server_passes_no_tap(scenario: RunnableScenario) -> None:
    assert not [tap for tap in tapped(scenario) if str(tap["name"]).endswith("flags")]


def test_a_worker_is_told_the_addresses_of_its_own_links(scenario: RunnableScenario) -> None:
    found = addresses(scenario)
    told = found.worker("workers.v2.1")
    ports = [route.listen for route in found.links["workers.v2.1 -> flags"].routes]
    assert [told["FLAGS_ADDRESS"], told["FLAGS_SYNC_ADDRESS"]] == [f"toxiproxy:{port}" for port in ports]


def test_a_client_on_the_machine_is_told_loopback_ports(scenario: RunnableScenario) -> None:
    found = addresses(scenario)
    found.ports |= {"load -> broker": (41000,), "load -> flags": (41001, 41002)}
    told = found.program("load")
    assert (told["FLAGS_ADDRESS"], told["FLAGS_SYNC_ADDRESS"]) == ("127.0.0.1:41001", "127.0.0.1:41002")


def test_a_link_is_probed_with_what_its_server_answers_to(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, drill('flags: {image: redis, port: 6379, hello: "PING\\r\\n"}'))
    assert addresses(scenario).links["load -> flags"].hello == b"PING\r\n"


def test_of_a_server_nothing_is_known_that_gives_back_what_it_is_sent(scenario: RunnableScenario) -> None:
    assert addresses(scenario).links["load -> flags"].echo is None


def test_programs_edit_a_copy_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "flags").mkdir()
    (tmp_path / "flags" / "flags.json").write_text("{}")
    lent = services.lend("flags", tmp_path / "flags", tmp_path / "run")
    assert lent == tmp_path / "run" / "services" / "flags"
    assert (lent / "flags.json").read_text() == "{}"


def test_a_folder_that_only_its_owner_may_read_is_readable_in_the_container(tmp_path: Path) -> None:
    (tmp_path / "flags").mkdir(mode=0o700)
    (tmp_path / "flags" / "flags.json").write_text("{}")
    (tmp_path / "flags" / "flags.json").chmod(0o600)
    lent = services.lend("flags", tmp_path / "flags", tmp_path / "run")
    assert [path.stat().st_mode & 0o777 for path in (lent, lent / "flags.json")] == [0o755, 0o644]


REFUSED = {
    "neither image nor build": ("flags: {port: 1}", "15:21: stage.services.flags: give exactly one of image and build"),
    "the name of a part": (
        "broker: {image: flagd, port: 1}",
        "15:14: broker is a part of the stage already: give this server another name",
    ),
    "a name that is no host": (
        "Flags: {image: flagd, port: 1}",
        "15:14: Flags cannot name a server, as clients find it by that: use small letters, digits and -, a letter first",
    ),
    "a port's name that is no variable": (
        "flags: {image: flagd, port: 1, ports: {'a b': 2}}",
        "15:53: a b cannot name a port, as a variable has its name: use letters, digits and -, a letter first",
    ),
    "no such folder to build from": ("flags: {build: wrker, port: 1}", "15:29: there is no folder wrker; did you mean worker?"),
    "no such folder to read": (
        "flags: {image: flagd, port: 1, folder: {from: wrker, to: /etc}}",
        "15:60: there is no folder wrker; did you mean worker?",
    ),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_server_that_cannot_be_is_told(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in said(sound_folder(tmp_path / "drill"), drill(text))


def test_an_address_is_not_set_by_hand(tmp_path: Path) -> None:
    text = drill(FLAGS, "env: {QUEUE: tasks.v1}", "env: {FLAGS_SYNC_ADDRESS: here}")
    assert said(sound_folder(tmp_path / "drill"), text) == ["17:44: FLAGS_SYNC_ADDRESS is set by the stage; leave it out"]
