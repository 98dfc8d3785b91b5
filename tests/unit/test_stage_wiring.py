"""Who reaches whom over which ports, and what each is told of it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from stub_stage import drill

from drillbook.scenario import Scenario
from drillbook.stage.wiring import Addresses, Credentials, Wiring, wire

WHOLE: dict[str, Any] = {
    "stage": {
        "broker": {"queues": {"tasks": {}}},
        "database": {},
        "services": {"flags": {"image": "x", "port": 8016, "ports": {"sync": 8015}}},
        "workers": {"v1": {"image": "x"}, "v2": {"image": "x"}},
    },
    "effects": {"sources": {"calls": {"http": True}}},
}


@pytest.fixture
def whole() -> Scenario:
    return drill(**WHOLE)


def upstreams(wiring: Wiring) -> dict[str, list[str]]:
    return {name: [route.upstream for route in routes] for name, routes in wiring.routes.items()}


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
def test_a_link_leads_where_it_should(whole: Scenario, link: str, to: list[str]) -> None:
    assert upstreams(wire(whole))[link] == to


def test_no_link_leads_to_what_the_stage_has_not() -> None:
    assert {link.split(" -> ")[1] for link in wire(drill()).routes} == {"broker"}


def test_the_harness_has_links_of_its_own(whole: Scenario) -> None:
    own = [link for link in wire(whole).routes if link.startswith("harness")]
    assert own == ["harness -> broker", "harness -> database", "harness -> flags"]


def test_proxies_listen_one_port_after_the_other(whole: Scenario) -> None:
    ports = [route.listen for routes in wire(whole).routes.values() for route in routes]
    assert ports == list(range(20001, 20001 + len(ports)))


def test_a_proxy_is_named_by_its_link_and_what_it_leads_to(whole: Scenario) -> None:
    routes = wire(whole).routes
    assert [route.name for route in routes["harness -> broker"]] == [
        "harness-to-broker",
        "harness-to-broker-api",
        "harness-to-broker-metrics",
    ]
    assert [route.name for route in routes["operator -> broker"]] == ["operator-to-broker", "operator-to-broker-api"]


def test_the_tap_listens_for_every_client_of_the_broker_but_the_harness(whole: Scenario) -> None:
    assert wire(whole).taps == [
        {"name": "load -> broker", "listen": 5701, "peer": "load"},
        {"name": "operator -> broker", "listen": 5702, "peer": "operator"},
        {"name": "workers.v1.1 -> broker", "listen": 5703, "peer": "workers.v1.1", "version": "v1"},
        {"name": "workers.v2.1 -> broker", "listen": 5704, "peer": "workers.v2.1", "version": "v2"},
    ]


# What each is told


def addresses(scenario: Scenario) -> Addresses:
    """With loopback ports from 40000 on."""
    wiring = wire(scenario)
    found = Addresses(Credentials(password="word"), wiring)
    ports = iter(range(40000, 50000))
    for name, routes in wiring.routes.items():
        found.ports[name] = tuple(next(ports) for _ in routes)
    return found


def test_the_harness_is_told_where_broker_api_and_metrics_are(whole: Scenario) -> None:
    assert addresses(whole).harness() == (
        "amqp://drill:word@127.0.0.1:40000/%2F",
        "http://drill:word@127.0.0.1:40001/api",
        "http://127.0.0.1:40002",
    )


def test_the_harness_is_told_where_the_database_is(whole: Scenario) -> None:
    assert addresses(whole).sql("harness -> database") == "postgresql://drill:word@127.0.0.1:40003/drill"


def test_programs_are_told_of_everything_over_the_operators_links(whole: Scenario) -> None:
    ports = addresses(whole).ports
    assert addresses(whole).operator() == {
        "AMQP_URL": f"amqp://drill:word@127.0.0.1:{ports['operator -> broker'][0]}/%2F",
        "RABBITMQ_API_URL": f"http://drill:word@127.0.0.1:{ports['operator -> broker'][1]}/api",
        "DATABASE_URL": f"postgresql://drill:word@127.0.0.1:{ports['operator -> database'][0]}/drill",
        "EFFECTS_URL": f"http://127.0.0.1:{ports['operator -> sink'][0]}",
        "FLAGS_ADDRESS": f"127.0.0.1:{ports['operator -> flags'][0]}",
        "FLAGS_SYNC_ADDRESS": f"127.0.0.1:{ports['operator -> flags'][1]}",
    }


def test_programs_are_told_of_no_more_than_there_is() -> None:
    assert addresses(drill()).operator().keys() == {"AMQP_URL", "RABBITMQ_API_URL"}


def test_a_worker_is_told_of_everything_over_its_own_links(whole: Scenario) -> None:
    routes = {name: [route.listen for route in group] for name, group in wire(whole).routes.items()}
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
