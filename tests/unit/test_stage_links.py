"""A link as faults use it, and the door to Toxiproxy's control API: what is asked, what is refused, and what an answer means."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import pytest
import requests

from drillbook.core.errors import HarnessError
from drillbook.faults.base import Toxic
from drillbook.stage import links, probes
from drillbook.stage.components import broker
from drillbook.stage.links import Link, ProxyControl, Route

FIRST, SECOND = Route("a", 20001, "tap:5701"), Route("a-api", 20002, "broker:15672")


class Proxies:
    """Toxiproxy's proxies and their toxics, as a link asks for them."""

    def __init__(self) -> None:
        self.toxics: dict[str, dict[str, dict[str, int]]] = {}
        self.made: list[str] = []
        self.enabled: dict[str, bool] = {}

    def create(self, route: Route, enabled: bool = True) -> None:
        assert route.name not in self.toxics, "it is there already"
        self.toxics[route.name] = {}
        self.made.append(route.name)
        self.enabled[route.name] = enabled

    def enable(self, route: Route) -> None:
        self.enabled[route.name] = True

    def delete(self, route: Route) -> None:
        self.toxics.pop(route.name, None)

    def add_toxic(self, route: Route, toxic: Toxic, stream: str, number: int = 0) -> None:
        name = f"{toxic.kind} {stream} {number}"
        assert name not in self.toxics[route.name], "it is there already"
        self.toxics[route.name][name] = dict(toxic.attributes)

    def of(self, route: Route) -> dict[str, dict[str, int]] | None:
        """The toxics of a proxy without whose they are; None where there is no proxy."""
        found = self.toxics.get(route.name)
        return None if found is None else {name.rpartition(" ")[0]: attributes for name, attributes in found.items()}


@pytest.fixture
def proxies() -> Proxies:
    return Proxies()


@pytest.fixture
def link(proxies: Proxies) -> Link:
    made = Link(cast(ProxyControl, proxies), "operator -> broker", (FIRST, SECOND), broker.HELLO, 1, "127.0.0.1")
    made.open()
    return made


ONE, TWO = object(), object()
DROP = Toxic("timeout", {"timeout": 0})


def delay(latency: int, jitter: int = 0) -> Toxic:
    return Toxic("latency", {"latency": latency, "jitter": jitter})


def test_opening_a_link_makes_all_its_proxies(link: Link, proxies: Proxies) -> None:
    assert proxies.toxics == {"a": {}, "a-api": {}}


@pytest.mark.parametrize("route", [FIRST, SECOND])
def test_a_delay_holds_both_ways_on_every_proxy(link: Link, proxies: Proxies, route: Route) -> None:
    link.poison(ONE, delay(250, 50))
    wanted = {"latency": 250, "jitter": 50}
    assert proxies.of(route) == {"latency upstream": wanted, "latency downstream": wanted}


@pytest.mark.parametrize("route", [FIRST, SECOND])
def test_dropping_swallows_both_ways_on_every_proxy(link: Link, proxies: Proxies, route: Route) -> None:
    link.poison(ONE, DROP)
    assert proxies.of(route) == {"timeout upstream": {"timeout": 0}, "timeout downstream": {"timeout": 0}}


def test_refusing_takes_every_proxy_away(link: Link, proxies: Proxies) -> None:
    link.refuse(ONE)
    assert proxies.toxics == {}


@pytest.mark.parametrize("harm", ["delay", "drop", "refuse"])
def test_a_healed_link_is_as_it_was(link: Link, proxies: Proxies, harm: str) -> None:
    {"delay": lambda: link.poison(ONE, delay(1000, 0)), "drop": lambda: link.poison(ONE, DROP), "refuse": lambda: link.refuse(ONE)}[harm]()
    link.heal(ONE)
    assert proxies.toxics == {"a": {}, "a-api": {}}


def test_healing_makes_the_proxies_again_so_that_connections_close(link: Link, proxies: Proxies) -> None:
    link.poison(ONE, DROP)
    link.heal(ONE)
    assert proxies.made == ["a", "a-api", "a", "a-api"]


def test_what_another_fault_did_to_the_link_stays(link: Link, proxies: Proxies) -> None:
    link.poison(ONE, delay(1000, 0))
    link.poison(TWO, DROP)
    link.heal(ONE)
    assert proxies.of(FIRST) == {"timeout upstream": {"timeout": 0}, "timeout downstream": {"timeout": 0}}


def test_two_faults_may_do_the_same_to_a_link(link: Link, proxies: Proxies) -> None:
    link.poison(ONE, delay(1000, 0))
    link.poison(TWO, delay(2000, 0))
    assert len(proxies.toxics["a"]) == 4


def test_a_link_that_another_fault_refuses_stays_refused(link: Link, proxies: Proxies) -> None:
    link.refuse(ONE)
    link.poison(TWO, DROP)
    link.heal(TWO)
    assert proxies.toxics == {}


def test_what_was_done_to_a_refused_link_holds_once_it_is_there_again(link: Link, proxies: Proxies) -> None:
    link.refuse(ONE)
    link.poison(TWO, DROP)
    assert proxies.toxics == {}
    link.heal(ONE)
    assert proxies.of(FIRST) == {"timeout upstream": {"timeout": 0}, "timeout downstream": {"timeout": 0}}


def test_a_second_refusal_of_a_refused_link_changes_nothing(link: Link, proxies: Proxies) -> None:
    link.refuse(ONE)
    link.refuse(TWO)
    link.heal(ONE)
    assert proxies.toxics == {}


def test_nobody_gets_through_a_healed_link_before_what_others_did_is_done_again(link: Link, proxies: Proxies) -> None:
    seen: list[bool] = []
    link.poison(ONE, delay(1000))
    link.poison(TWO, DROP)
    add = proxies.add_toxic
    proxies.add_toxic = lambda *told: (seen.append(proxies.enabled["a"]), add(*told))[1]  # type: ignore[method-assign]
    link.heal(ONE)
    assert (set(seen), proxies.enabled) == ({False}, {"a": True, "a-api": True})


def test_healing_a_link_that_nobody_harmed_leaves_it_there(link: Link, proxies: Proxies) -> None:
    link.heal(ONE)
    assert proxies.toxics == {"a": {}, "a-api": {}}


# Probing


@contextmanager
def server(answer: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """A service on loopback that gives one answer, and what was said to it; None: it closes the connection instead."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                heard.append(connection.recv(64))
                if answer:
                    connection.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join(20)


def to(port: int) -> Link:
    return Link(cast(ProxyControl, Proxies()), "workers.v1.1 -> broker", (FIRST,), broker.HELLO, port, "127.0.0.1")


def test_a_link_whose_service_answers_has_a_round_trip() -> None:
    with server(b"AMQP") as (port, heard):
        taken = to(port).round_trip_seconds(20.0)
    assert heard == [broker.HELLO]
    assert taken is not None
    assert 0.0 <= taken <= 20.0


def test_a_link_whose_service_says_nothing_has_none() -> None:
    with server(None) as (port, _):
        assert to(port).round_trip_seconds(20.0) is None


def test_a_link_that_refuses_has_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert to(port).round_trip_seconds(20.0) is None


# Who used it


def uses(link: Link, **taken: int) -> tuple[int, int, bool]:
    use = link.use(taken)
    assert use.link == link.name
    return use.connections, use.own, use.refused


def test_a_link_s_connections_are_those_of_all_its_proxies(link: Link) -> None:
    assert uses(link, **{"a": 2, "a-api": 3, "b": 9}) == (5, 0, False)
    assert uses(link) == (0, 0, False)


@pytest.mark.parametrize("answer", [b"AMQP", None])
def test_a_round_trip_is_the_harness_s_own_connection(answer: bytes | None) -> None:
    with server(answer) as (port, _):
        link = to(port)
        link.round_trip_seconds(20.0)
    assert uses(link, a=1) == (0, 1, False)


@pytest.mark.parametrize("fails", [False, True])
def test_an_echo_is_the_harness_s_own_connection(fails: bool) -> None:
    def echo(port: int, size: int, within: float) -> float:
        if fails:
            raise ConnectionError("it ended before all had come back")
        return 1.0

    link = Link(cast(ProxyControl, Proxies()), "operator -> sink", (FIRST,), b"", 1, "127.0.0.1", echo)
    assert (link.echo_seconds(10, 1.0) is None) == fails
    assert uses(link, a=3) == (2, 1, False)


def test_a_link_that_gives_nothing_back_is_asked_for_no_echo(link: Link) -> None:
    assert link.echo_seconds(10, 1.0) is None
    assert uses(link, a=1) == (1, 0, False)


KNOCKS = {"answered": 1, "ended": 1, "reset": 1, "silent": 0}


@pytest.mark.parametrize(("said", "own"), KNOCKS.items(), ids=KNOCKS)
def test_a_knock_is_own_where_it_came_to_the_proxy(link: Link, monkeypatch: pytest.MonkeyPatch, said: str, own: int) -> None:
    monkeypatch.setattr(probes, "knock", lambda *_: said)
    assert link.knock(1.0) == said
    assert uses(link, a=1) == (1 - own, own, False)


@pytest.mark.parametrize("answered", [True, False])
def test_a_standing_connection_is_own_where_it_was_answered(link: Link, monkeypatch: pytest.MonkeyPatch, answered: bool) -> None:
    monkeypatch.setattr(probes, "stand", lambda *_: object() if answered else None)
    link.stand(1.0)
    assert uses(link, a=1) == (1 - answered, int(answered), False)


def test_what_is_asked_of_a_link_that_refuses_does_not_count(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "round_trip", lambda *_: None)
    link.refuse(ONE)
    link.round_trip_seconds(1.0)
    assert uses(link) == (0, 0, True)
    link.heal(ONE)
    link.round_trip_seconds(1.0)
    assert uses(link, a=1) == (0, 1, True)


@pytest.mark.parametrize("harm", ["heal", "refuse", "anew"])
def test_what_is_asked_while_the_proxies_go_counts_as_a_client_s(link: Link, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    def goes(*_: Any) -> None:
        {
            "heal": lambda: link.heal(ONE),
            "refuse": lambda: link.refuse(ONE),
            "anew": lambda: link.poison(ONE, Toxic("latency", {"latency": 1, "jitter": 0}, anew=True)),
        }[harm]()

    monkeypatch.setattr(probes, "round_trip", goes)
    link.round_trip_seconds(1.0)
    assert uses(link, a=1) == (1, 0, harm == "refuse")


def test_proxies_that_tell_of_less_than_the_harness_did_tell_nothing(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "round_trip", lambda *_: 0.1)
    link.round_trip_seconds(1.0)
    with pytest.raises(HarnessError, match="tell of 0 connections over operator -> broker, of which the harness made 1"):
        link.use({})


# The control API


class Api(BaseHTTPRequestHandler):
    """Answers as Toxiproxy's does, as far as it is asked here."""

    proxies: dict[str, dict[str, Any]]
    broken = False

    def do_GET(self) -> None:
        if self.path == "/version":
            return self._say(200, {"version": "2.12.0"})
        if self.path == "/proxies":
            return self._say(200, self.proxies)
        found = self.proxies.get(self.path.split("/")[2])
        if found is None:
            return self._say(404, {"error": "proxy not found"})
        return self._say(200, found["toxics"] if self.path.endswith("/toxics") else found)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/proxies":
            made = {"name": asked["name"], "listen": asked["listen"], "upstream": asked["upstream"], "enabled": True, "toxics": []}
            self.proxies[asked["name"]] = made
            return self._say(201, made)
        self.proxies[self.path.split("/")[2]]["toxics"].append(asked)
        return self._say(200, asked)

    def do_DELETE(self) -> None:
        del self.proxies[self.path.split("/")[2]]
        self._say(204, None)

    def _say(self, code: int, body: object) -> None:
        code = 500 if self.broken else code
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """It says nothing."""


@pytest.fixture
def api() -> Iterator[tuple[ProxyControl, type[Api]]]:
    handler = type("Handler", (Api,), {"proxies": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield ProxyControl(listening.server_port), handler
        listening.shutdown()


@pytest.fixture
def nobody() -> ProxyControl:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return ProxyControl(closed.getsockname()[1])


def test_an_api_that_is_there_answers(api: tuple[ProxyControl, type[Api]]) -> None:
    assert api[0].answers()


def test_an_api_that_is_not_there_does_not_answer(nobody: ProxyControl) -> None:
    assert not nobody.answers()


def test_an_api_that_is_broken_does_not_answer(api: tuple[ProxyControl, type[Api]]) -> None:
    api[1].broken = True
    assert not api[0].answers()


def test_a_proxy_is_made_as_its_route_says(api: tuple[ProxyControl, type[Api]]) -> None:
    api[0].create(FIRST)
    made = api[1].proxies["a"]
    assert (made["listen"], made["upstream"]) == ("0.0.0.0:20001", "tap:5701")


def test_a_proxy_that_is_there_already_is_an_error(api: tuple[ProxyControl, type[Api]]) -> None:
    api[0].create(FIRST)
    with pytest.raises(HarnessError, match="Toxiproxy did not make the proxy a"):
        api[0].create(FIRST)


def test_a_deleted_proxy_is_gone(api: tuple[ProxyControl, type[Api]]) -> None:
    api[0].create(FIRST)
    api[0].delete(FIRST)
    assert api[1].proxies == {}


def test_deleting_a_proxy_that_is_gone_is_no_error(api: tuple[ProxyControl, type[Api]]) -> None:
    api[0].delete(FIRST)
    assert api[1].proxies == {}


def test_a_toxic_is_put_on_its_proxy(api: tuple[ProxyControl, type[Api]]) -> None:
    api[0].create(FIRST)
    api[0].add_toxic(FIRST, delay(5), "upstream", 7)
    (toxic,) = api[1].proxies["a"]["toxics"]
    assert (toxic["type"], toxic["stream"], toxic["name"]) == ("latency", "upstream", "latency_upstream_7")
    assert toxic["attributes"] == {"latency": 5, "jitter": 0}


def test_a_toxic_needs_its_proxy(api: tuple[ProxyControl, type[Api]]) -> None:
    with pytest.raises(HarnessError, match="the proxy a is gone, so no timeout can be put on it"):
        api[0].add_toxic(FIRST, DROP, "upstream")


NONSENSE: dict[str, tuple[str, dict[str, int]]] = {
    "a kind that nobody knows": ("limit", {}),
    "a key that the kind has not": ("timeout", {"timeout": 0, "jitter": 1}),
    "a key too few": ("latency", {"latency": 5}),
    "less than nothing": ("latency", {"latency": -1, "jitter": 0}),
}


@pytest.mark.parametrize(("kind", "attributes"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_never_sent(api: tuple[ProxyControl, type[Api]], kind: str, attributes: dict[str, int]) -> None:
    api[0].create(FIRST)
    with pytest.raises(HarnessError, match="is not a toxic that Toxiproxy can be trusted with"):
        api[0].add_toxic(FIRST, Toxic(kind, attributes), "upstream")
    assert api[1].proxies["a"]["toxics"] == []


def test_an_api_that_is_gone_is_told_with_what_was_asked_of_it(nobody: ProxyControl) -> None:
    with pytest.raises(HarnessError, match="Toxiproxy did not make the proxy a: "):
        nobody.create(FIRST)


def test_an_error_of_the_server_is_an_error(api: tuple[ProxyControl, type[Api]]) -> None:
    api[1].broken = True
    with pytest.raises(HarnessError, match="Toxiproxy did not delete the proxy a: 500"):
        api[0].delete(FIRST)


def test_an_api_that_hangs_is_given_up(api: tuple[ProxyControl, type[Api]], monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: object, **__: object) -> requests.Response:
        raise requests.Timeout

    monkeypatch.setattr(links.requests, "get", hangs)
    with pytest.raises(HarnessError, match=r"did not delete the proxy a within 10 s: its control API hangs"):
        api[0].delete(FIRST)


def test_every_question_has_a_time_limit(api: tuple[ProxyControl, type[Api]], monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[object] = []
    for method in ("get", "post", "delete"):
        real = getattr(requests, method)
        monkeypatch.setattr(links.requests, method, lambda url, real=real, **more: limits.append(more.get("timeout")) or real(url, **more))
    api[0].create(FIRST)
    api[0].add_toxic(FIRST, DROP, "upstream")
    api[0].delete(FIRST)
    assert set(limits) == {10.0}
