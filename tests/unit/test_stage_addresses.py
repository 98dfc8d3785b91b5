"""Who reaches whom over which ports, and what each is told of it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from stub_stage import drill

from drillbook import plan
from drillbook.scenario import RunnableScenario
from drillbook.stage.addresses import Addresses, Credentials, PlannedLink
from drillbook.stage.component import planned_links
from drillbook.stage.components import components_of
from drillbook.stage.components.tap import tapped
from drillbook.stage.database_client import DatabaseClient
from drillbook.stage.probes import Echo, echo_of_sink, echo_of_tap

WHOLE: dict[str, Any] = {
    "stage": {
        "broker": {"queues": {"tasks": {}}},
        "database": {},
        "services": {"flags": {"image": "x", "port": 8016, "ports": {"sync": 8015}}},
        "workers": {"v1": {"image": "x"}, "v2": {"image": "x"}},
    },
    "effects": {"sources": {"calls": {"http": True}}},
}


CREDENTIALS = Credentials(password="word")


@pytest.fixture
def whole() -> RunnableScenario:
    return drill(**WHOLE)


def links(scenario: RunnableScenario) -> dict[str, PlannedLink]:
    return {link.name: link for link in planned_links(components_of(scenario), scenario, CREDENTIALS)}


LEADS = {
    "harness -> broker": ["broker:5672", "broker:15672", "broker:15692"],
    "harness -> database": ["database:5432"],
    "harness -> flags": ["flags:8016", "flags:8015"],
    "load -> broker": ["tap:5701"],
    "operator -> broker": ["tap:5702", "broker:15672"],
    "operator -> database": ["database:5432"],
    "operator -> sink": ["sink:8080"],
    "workers.v1.1 -> broker": ["tap:5703"],
    "workers.v1.1 -> database": ["database:5432"],
    "workers.v1.1 -> sink": ["sink:8080"],
    "workers.v2.1 -> broker": ["tap:5704"],
}


@pytest.mark.parametrize(("link", "to"), LEADS.items(), ids=LEADS)
def test_a_link_leads_where_it_should(whole: RunnableScenario, link: str, to: list[str]) -> None:
    assert [route.upstream for route in links(whole)[link].routes] == to


def test_no_link_leads_to_what_the_stage_has_not() -> None:
    assert {link.split(" -> ")[1] for link in links(drill())} == {"broker"}


@pytest.mark.parametrize("changes", [{}, WHOLE], ids=["lean", "whole"])
def test_a_fault_can_name_every_link_but_the_harness_s(changes: dict[str, Any]) -> None:
    scenario = drill(**changes)
    assert {link for link in links(scenario) if not link.startswith("harness")} == set(plan.links(scenario))


def test_the_harness_has_links_of_its_own(whole: RunnableScenario) -> None:
    own = [link for link in links(whole) if link.startswith("harness")]
    assert own == ["harness -> broker", "harness -> database", "harness -> flags"]


def test_proxies_listen_one_port_after_the_other(whole: RunnableScenario) -> None:
    ports = [route.listen for link in links(whole).values() for route in link.routes]
    assert ports == list(range(20001, 20001 + len(ports)))


def test_a_proxy_is_named_by_its_link_and_what_it_leads_to(whole: RunnableScenario) -> None:
    found = links(whole)
    assert [route.name for route in found["harness -> broker"].routes] == [
        "harness-to-broker",
        "harness-to-broker-api",
        "harness-to-broker-metrics",
    ]
    assert [route.name for route in found["operator -> broker"].routes] == ["operator-to-broker", "operator-to-broker-api"]


def test_the_tap_listens_for_every_client_of_the_broker_but_the_harness(whole: RunnableScenario) -> None:
    assert tapped(whole) == [
        {"name": "load -> broker", "listen": 5701, "peer": "load"},
        {"name": "operator -> broker", "listen": 5702, "peer": "operator"},
        {"name": "workers.v1.1 -> broker", "listen": 5703, "peer": "workers.v1.1", "version": "v1"},
        {"name": "workers.v2.1 -> broker", "listen": 5704, "peer": "workers.v2.1", "version": "v2"},
    ]


# How each is probed

HELLOS = {
    "workers.v1.1 -> database": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "operator -> sink": b"GET / HTTP/1.1\r\nHost: sink\r\nConnection: close\r\n\r\n",
    "load -> broker": b"AMQP\x00\x00\x09\x01",
}


@pytest.mark.parametrize(("link", "said"), HELLOS.items(), ids=HELLOS)
def test_a_service_is_asked_in_its_own_language(whole: RunnableScenario, link: str, said: bytes) -> None:
    assert links(whole)[link].hello == said


ECHOES = {"workers.v1.1 -> broker": echo_of_tap, "operator -> sink": echo_of_sink, "harness -> broker": None}


@pytest.mark.parametrize(("link", "echo"), ECHOES.items(), ids=ECHOES)
def test_what_is_sent_over_a_link_is_given_back_by_who_can(whole: RunnableScenario, link: str, echo: Echo | None) -> None:
    assert links(whole)[link].echo is echo


def test_the_database_gives_back_what_it_is_sent_by_the_link_s_own_port(whole: RunnableScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int, float]] = []
    monkeypatch.setattr(DatabaseClient, "echo_seconds", lambda client, size, within: asked.append((client.url, size, within)) or 0.5)
    echo = links(whole)["workers.v1.1 -> database"].echo
    assert echo is not None
    assert echo(40009, 7, 2.0) == 0.5
    assert asked == [("postgresql://drill:word@127.0.0.1:40009/drill", 7, 2.0)]


# What each is told


def addresses(scenario: RunnableScenario) -> Addresses:
    """With loopback ports from 40000 on."""
    found = Addresses(CREDENTIALS, links(scenario).values())
    ports = iter(range(40000, 50000))
    for name, link in found.links.items():
        found.ports[name] = tuple(next(ports) for _ in link.routes)
    return found


def test_a_client_on_the_machine_finds_each_proxy_at_its_loopback_port(whole: RunnableScenario) -> None:
    found = addresses(whole).on_machine("harness -> broker")
    assert [found.at(number) for number in range(3)] == ["127.0.0.1:40000", "127.0.0.1:40001", "127.0.0.1:40002"]


def test_the_harness_finds_the_database_over_its_own_link(whole: RunnableScenario) -> None:
    assert addresses(whole).program("harness")["DATABASE_URL"] == "postgresql://drill:word@127.0.0.1:40003/drill"


def test_programs_are_told_of_everything_over_the_operators_links(whole: RunnableScenario) -> None:
    ports = addresses(whole).ports
    assert addresses(whole).program("operator") == {
        "AMQP_URL": f"amqp://drill:word@127.0.0.1:{ports['operator -> broker'][0]}/%2F",
        "RABBITMQ_API_URL": f"http://drill:word@127.0.0.1:{ports['operator -> broker'][1]}/api",
        "DATABASE_URL": f"postgresql://drill:word@127.0.0.1:{ports['operator -> database'][0]}/drill",
        "EFFECTS_URL": f"http://127.0.0.1:{ports['operator -> sink'][0]}",
        "FLAGS_ADDRESS": f"127.0.0.1:{ports['operator -> flags'][0]}",
        "FLAGS_SYNC_ADDRESS": f"127.0.0.1:{ports['operator -> flags'][1]}",
    }


def test_programs_are_told_of_no_more_than_there_is() -> None:
    assert addresses(drill()).program("operator").keys() == {"AMQP_URL", "RABBITMQ_API_URL"}


def test_a_worker_is_told_of_everything_over_its_own_links(whole: RunnableScenario) -> None:
    routes = {name: [route.listen for route in link.routes] for name, link in links(whole).items()}
    assert addresses(whole).worker("workers.v2.1") == {
        "AMQP_URL": f"amqp://drill:word@toxiproxy:{routes['workers.v2.1 -> broker'][0]}/%2F",
        "DATABASE_URL": f"postgresql://drill:word@toxiproxy:{routes['workers.v2.1 -> database'][0]}/drill",
        "EFFECTS_URL": f"http://toxiproxy:{routes['workers.v2.1 -> sink'][0]}",
        "FLAGS_ADDRESS": f"toxiproxy:{routes['workers.v2.1 -> flags'][0]}",
        "FLAGS_SYNC_ADDRESS": f"toxiproxy:{routes['workers.v2.1 -> flags'][1]}",
    }


def test_a_worker_is_told_of_no_more_than_there_is() -> None:
    assert addresses(drill()).worker("workers.v1.1").keys() == {"AMQP_URL"}


def test_a_password_is_kept_out_of_what_is_printed() -> None:
    assert "word" not in repr(Credentials(password="word"))


def test_a_password_is_known_as_http_shows_it_too() -> None:
    assert Credentials(password="word").secrets() == ["word", b64encode(b"drill:word").decode()]


def test_no_two_runs_have_the_same_password() -> None:
    assert Credentials().password != Credentials().password
