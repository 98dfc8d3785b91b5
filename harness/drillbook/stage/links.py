"""Links: each network path of the stage with a Toxiproxy proxy of its own, and the one door to Toxiproxy's control API.

toxiproxy-python keeps its host in a class attribute, waits for ever, and passes errors of the server in silence; ``ProxyControl`` gives it
a timeout, a check of every answer, and attributes that were validated before they are sent: Toxiproxy 2.12 takes nonsense, and
some of it ends the server. Toxics are never deleted one by one: deleting one while clients die can deadlock the control API (15 to
20 of 20 tries), deleting and making the proxy again did not in 80.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any, TypeVar

import requests
import toxiproxy.api
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from drillbook.core.errors import HarnessError
from drillbook.evidence.kinds.links import LinkUse
from drillbook.faults.base import Knock, Toxic
from drillbook.stage import probes
from drillbook.stage.probes import Echo, IdleConnection

T = TypeVar("T")
API_PORT = 8474
FIRST_PORT = 20001
ANSWER_WITHIN_SECONDS = 10.0
TRUSTED = {
    "latency": {"latency": 0, "jitter": 0},
    "timeout": {"timeout": 0},
    "bandwidth": {"rate": 1},
    "reset_peer": {"timeout": 0},
    "slow_close": {"delay": 0},
    "limit_data": {"bytes": 0},
}
"""Toxiproxy's toxics that do what they say, each with its attributes and the least that each may be; a slicer of nothing never ends."""


@dataclass(frozen=True)
class Route:
    """One proxy: where it listens and what it leads to."""

    name: str
    listen: int
    """Port of the Toxiproxy container."""
    upstream: str
    """``host:port`` on the run's network."""


class ProxyControl:
    """The control API of one Toxiproxy server, guarded.

    Args:
        port: the loopback port of its API.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = RLock()
        self._server = Toxiproxy()

    def answers(self) -> bool:
        """Whether the API answers now."""
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/version", timeout=1).ok
        except requests.RequestException:
            return False

    def create(self, route: Route, enabled: bool = True) -> None:
        """Make a proxy; one that is not enabled takes no connections."""
        listen = f"0.0.0.0:{route.listen}"
        self._call(f"make the proxy {route.name}", lambda: self._server.create(route.upstream, route.name, listen, enabled))

    def enable(self, route: Route) -> None:
        """Have a proxy take connections."""

        def enable() -> None:
            proxy = self._server.get_proxy(route.name)
            if proxy is None:
                raise HarnessError(f"the proxy {route.name} is gone, and cannot be enabled.")
            proxy.enable()

        self._call(f"enable the proxy {route.name}", enable)

    def delete(self, route: Route) -> None:
        """Delete a proxy; its connections close. One that is not there is deleted already."""

        def delete() -> None:
            proxy = self._server.get_proxy(route.name)
            if proxy is not None:
                proxy.destroy()

        self._call(f"delete the proxy {route.name}", delete)

    def add_toxic(self, route: Route, toxic: Toxic, stream: str, number: int = 0) -> None:
        """Add a toxic to a proxy.

        Args:
            toxic: one that is trusted.
            stream: ``upstream`` or ``downstream``.
            number: tells it from others of its kind on the same proxy.
        """
        kind, attributes, least = toxic.kind, dict(toxic.attributes), TRUSTED.get(toxic.kind)
        if least is None or attributes.keys() != least.keys() or any(attributes[name] < least[name] for name in least):
            raise HarnessError(f"{kind} with {attributes} is not a toxic that Toxiproxy can be trusted with.")

        def add() -> None:
            proxy = self._server.get_proxy(route.name)
            if proxy is None:
                raise HarnessError(f"the proxy {route.name} is gone, so no {kind} can be put on it.")
            proxy.add_toxic(type=kind, stream=stream, name=f"{kind}_{stream}_{number}", attributes=attributes)

        self._call(f"add {kind} to the proxy {route.name}", add)

    def _call(self, what: str, call: Any) -> None:
        with self._lock, _GUARD:
            self._server.update_api_consumer("127.0.0.1", self._port)
            try:
                call()
            except requests.Timeout as error:
                raise HarnessError(
                    f"Toxiproxy did not {what} within {ANSWER_WITHIN_SECONDS:.0f} s: its control API hangs.",
                    "The drill proves nothing; run it again.",
                ) from error
            except (requests.RequestException, NotFound, InvalidToxic, ProxyExists, ValueError) as error:
                raise HarnessError(f"Toxiproxy did not {what}: {error}.") from error


_GUARD = RLock()
"""toxiproxy-python has one address for the whole process."""


class _Checked:
    """Stands where toxiproxy-python says ``requests``: the same calls with a timeout, an error for every 5xx."""

    def get(self, url: str, **more: Any) -> requests.Response:
        return self._checked(requests.get(url, timeout=ANSWER_WITHIN_SECONDS, **more))

    def post(self, url: str, **more: Any) -> requests.Response:
        return self._checked(requests.post(url, timeout=ANSWER_WITHIN_SECONDS, **more))

    def delete(self, url: str, **more: Any) -> requests.Response:
        return self._checked(requests.delete(url, timeout=ANSWER_WITHIN_SECONDS, **more))

    @staticmethod
    def _checked(response: requests.Response) -> requests.Response:
        if response.status_code >= 500:
            raise requests.HTTPError(f"{response.status_code} {response.text[:200]}")
        return response


toxiproxy.api.requests = _Checked()


class Link:
    """One network path: a client's way to a service, over one proxy or more.

    Args:
        name: ``workers.v2.1 -> broker``.
        routes: its proxies; the first is the one that is probed.
        hello: what a client says first to the service, so that it answers.
        port: the loopback port at which the first route answers.
        host: the Toxiproxy container's address on the run's network.
        echo: has the service give back what it is sent; None: it cannot be asked to.
    """

    def __init__(
        self, control: ProxyControl, name: str, routes: tuple[Route, ...], hello: bytes, port: int, host: str, echo: Echo | None = None
    ) -> None:
        self.name = name
        self.port = port
        self._inside, self._echo = (host, routes[0].listen), echo
        self._control = control
        self._routes = routes
        self._hello = hello
        self._lock = RLock()
        self._harms: dict[int, Toxic | None] = {}
        """What faults do to the link now, by the fault; None: they refuse connections."""
        self._own = self._closings = 0
        self._refused = False

    def open(self) -> None:
        """Make its proxies."""
        for route in self._routes:
            self._control.create(route)

    def poison(self, owner: object, toxic: Toxic) -> None:
        """Put a toxic on it, until the owner heals it."""
        with self._lock:
            self._harms[id(owner)] = toxic
            if toxic.anew:
                self._again()
            elif not self._refuses:
                self._add(id(owner), toxic)

    def refuse(self, owner: object) -> None:
        """Close every connection and refuse new ones, until the owner heals it."""
        with self._lock:
            refused, self._harms[id(owner)] = self._refuses, None
            self._refused = True
            if not refused:
                self._close()

    def heal(self, owner: object) -> None:
        """Delete the proxies and make them again, so that their connections close; what others did to the link is done again."""
        with self._lock:
            self._harms.pop(id(owner), None)
            self._again()

    def round_trip_seconds(self, within: float) -> float | None:
        """Time of one question and answer over a connection of its own.

        Args:
            within: seconds to wait for the answer.

        Returns:
            Seconds, or None when no answer came.
        """
        return self._asked(lambda: probes.round_trip(self.port, self._hello, within))

    def echo_seconds(self, size: int, within: float) -> float | None:
        """Time of so many bytes there and, once all have come, back, by a connection of its own.

        Args:
            size: bytes.
            within: seconds to wait.

        Returns:
            Seconds, or None when they did not come back.
        """
        echo = self._echo

        def asked(echo: Echo) -> float | None:
            try:
                return echo(self.port, size, within)
            except OSError:
                return None

        return self._asked(lambda: asked(echo)) if echo is not None else None

    def knock(self, within: float) -> Knock:
        """What comes of a hello by a connection of its own, as clients in containers see it."""
        return self._asked(lambda: probes.knock(self._inside, self._hello, within), lambda found: found != "silent")

    def stand(self, within: float) -> IdleConnection | None:
        """Open a connection that says nothing after its hello; None when nothing answered."""
        return self._asked(lambda: probes.stand(self._inside, self._hello, within), lambda found: found is not None)

    def use(self, taken: Mapping[str, int]) -> LinkUse:
        """How often it was used.

        Args:
            taken: connections by the proxy that took them.

        Raises:
            HarnessError: the harness itself made more.
        """
        came = sum(taken.get(route.name, 0) for route in self._routes)
        if came < self._own:
            raise HarnessError(f"the proxies tell of {came} connections over {self.name}, of which the harness made {self._own}.")
        return LinkUse(self.name, came - self._own, self._own, self._refused)

    def _asked(self, ask: Callable[[], T], reached: Callable[[T], bool] = lambda _: True) -> T:
        """What comes of a connection of the harness's own, which is counted where the proxy took it for certain.

        Args:
            ask: makes one connection.
            reached: whether it came to the proxy; the engine answers on loopback whatever the proxy does.
        """
        with self._lock:
            refuses, closings = self._refuses, self._closings
        found = ask()
        with self._lock:
            self._own += not refuses and closings == self._closings and reached(found)
        return found

    def _again(self) -> None:
        """Make the proxies anew, with all that is done to the link; nobody gets through before that is done."""
        self._close()
        if self._refuses:
            return
        for route in self._routes:
            self._control.create(route, enabled=not self._harms)
        for number, toxic in self._harms.items():
            if toxic is not None:
                self._add(number, toxic)
        for route in self._routes if self._harms else ():
            self._control.enable(route)

    @property
    def _refuses(self) -> bool:
        return None in self._harms.values()

    def _close(self) -> None:
        self._closings += 1
        for route in self._routes:
            self._control.delete(route)

    def _add(self, number: int, toxic: Toxic) -> None:
        for route in self._routes:
            for stream in toxic.streams:
                self._control.add_toxic(route, toxic, stream, number)
