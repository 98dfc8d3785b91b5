"""The publisher's side of the broker: one connection with one channel in confirm mode, which comes back when it is lost.

Coming back is paced by a backoff that only a confirm resets: a broker that accepts connections but takes nothing is not stormed.
What was in flight on a lost channel is ``unknown``: the broker may have it. One case is certain: the broker closed a channel on which
it had confirmed nothing yet (404: no such exchange), so it took nothing there, and those publishes failed.

Callbacks run in gevent's hub, so nothing in here blocks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

import gevent  # type: ignore[import-untyped]
import pika
from pika.adapters.gevent_connection import GeventConnection
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from drillbook.load.backlog import Backoff
from drillbook.load.window import Attempt, Resolution, Window

LOG = logging.getLogger("load")
NO_CONNECTION = "no connection"
HEARTBEAT = 10
"""Seconds; a peer that is silent for two of them is gone."""
OPEN_WITHIN = 5.0
"""Seconds for one try to connect."""
CLOSE_WITHIN = 1.0
"""Seconds for saying goodbye to the broker."""


class Gathering(GeventConnection):
    """A connection that writes what is published between two flushes at once.

    pika hands three frames a publish to the socket one by one, each a packet; at 5,000 publishes a second every proxy on the way has
    to carry 15,000 of them.
    """

    _gathered: list[bytes] | None = None

    def gather(self) -> None:
        """Hold back what is written until :meth:`flush`; nothing may yield to gevent before it."""
        self._gathered = []

    def flush(self) -> None:
        """Write what was gathered."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self._adapter_emit_data(b"".join(gathered))

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._gathered is None:
            super()._adapter_emit_data(data)  # type: ignore[misc]  # pika's hook for adapters, not in its stubs
        else:
            self._gathered.append(data)


class PublishSession:
    """Publishes, and tells what became of it.

    Args:
        url: AMQP URL.
        exchange: where to publish; empty: the default exchange.
        confirm_within: seconds after which an unconfirmed publish is unknown.
        draw: chance for the backoff.
        resolved: called with each resolution, in gevent's hub.
    """

    def __init__(self, url: str, exchange: str, confirm_within: float, draw: Random, resolved: Callable[[Resolution], None]) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = HEARTBEAT
        self._parameters.socket_timeout = self._parameters.stack_timeout = OPEN_WITHIN
        self._parameters.client_properties = {"connection_name": "load"}
        self._exchange = exchange
        self._confirm_within_ns = round(confirm_within * 1e9)
        self._resolved = resolved
        self._backoff = Backoff(draw, first=0.1, longest=2.0)
        self._connection: Gathering | None = None
        self._loop: Any = None
        self._channel: Channel | None = None
        self._window = Window(self._confirm_within_ns)
        self._blocked = False
        self._closing = False
        self._obstacle = NO_CONNECTION

    @property
    def usable(self) -> bool:
        """Whether a publish would go out now."""
        return self._channel is not None and self._channel.is_open and not self._blocked

    @property
    def obstacle(self) -> str:
        """Why nothing can be published now."""
        return "connection blocked by the broker" if self._blocked else self._obstacle

    def open(self) -> None:
        """Connect, again and again until it works or :meth:`close` is called."""
        if self._closing:
            return
        # Every connection shares the first one's loop adapter: each adapter of its own would leak a pipe.
        self._connection = Gathering(
            self._parameters,
            on_open_callback=self._on_connected,
            on_open_error_callback=self._on_disconnected,
            on_close_callback=self._on_disconnected,
            custom_ioloop=self._loop,
        )
        self._loop = self._connection.ioloop

    def publish(self, attempt: Attempt, routing_key: str, body: bytes, properties: pika.BasicProperties) -> None:
        """Write one attempt to the channel; only when :attr:`usable`. Its ``sent_at`` is set already."""
        assert self._channel is not None
        self._window.sent(attempt)
        self._channel.basic_publish(self._exchange, routing_key, body, properties, True)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Publishes in here leave together, at its end; nothing in here may yield to gevent."""
        connection = self._connection if self.usable else None
        if connection is None:
            yield
            return
        connection.gather()
        try:
            yield
        finally:
            connection.flush()

    def expire(self, now: int) -> None:
        """Resolve what has waited too long for its confirm."""
        self._tell(self._window.overdue(now))

    def close(self, reason: str) -> None:
        """Resolve what is unconfirmed as unknown, and leave."""
        self._closing = True
        self._channel = None
        self._tell(self._window.lost("unknown", reason))
        if self._connection is None or not self._connection.is_open:
            return
        self._connection.close()
        with gevent.Timeout(CLOSE_WITHIN, False):
            while not self._connection.is_closed:
                gevent.sleep(0.01)

    def _on_connected(self, connection: Gathering) -> None:
        LOG.info("connected")
        connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        self._open_channel(connection)

    def _open_channel(self, connection: Gathering) -> None:
        if self._closing or not connection.is_open:
            return
        window = Window(self._confirm_within_ns)

        def opened(channel: Channel) -> None:
            channel.add_on_close_callback(partial(self._on_channel_closed, connection, window))
            channel.add_on_return_callback(partial(self._on_returned, window))
            channel.confirm_delivery(partial(self._on_confirmed, window), callback=lambda _: ready(channel))

        def ready(channel: Channel) -> None:
            if not self._closing:
                self._window, self._channel = window, channel

        connection.channel(on_open_callback=opened)

    def _on_confirmed(self, window: Window, frame: Any) -> None:
        self._backoff.reset()
        self._tell(window.confirmed(frame.method.delivery_tag, frame.method.multiple, isinstance(frame.method, Basic.Nack)))

    def _on_returned(self, window: Window, _: Channel, method: Basic.Return, properties: pika.BasicProperties, __: bytes) -> None:
        headers: Any = properties.headers or {}
        window.returned(str(properties.message_id), headers.get("attempt", 1), str(method.reply_text))

    def _on_channel_closed(self, connection: Gathering, window: Window, _: Channel, reason: BaseException) -> None:
        by_broker = isinstance(reason, ChannelClosedByBroker)
        why = f"channel closed: {reason.reply_code} {reason.reply_text}" if isinstance(reason, ChannelClosedByBroker) else "connection lost"
        if self._window is window:
            self._channel = None
        self._obstacle = why if by_broker else NO_CONNECTION
        self._tell(window.lost("fail" if by_broker and not window.proven else "unknown", why))
        if connection.is_open and not self._closing:
            delay = self._backoff.next()
            LOG.warning("%s; a new channel in %.2f s", why, delay)
            gevent.spawn_later(delay, self._open_channel, connection)

    def _on_disconnected(self, connection: Gathering, reason: BaseException) -> None:
        if connection is not self._connection or self._closing:
            return
        self._connection, self._channel, self._blocked, self._obstacle = None, None, False, NO_CONNECTION
        delay = self._backoff.next()
        LOG.warning("no connection (%s); the next try in %.2f s", type(reason).__name__, delay)
        gevent.spawn_later(delay, self.open)

    def _set_blocked(self, blocked: bool) -> None:
        LOG.warning("the broker %s this connection", "blocks" if blocked else "unblocks")
        self._blocked = blocked

    def _tell(self, resolutions: list[Resolution]) -> None:
        for resolution in resolutions:
            self._resolved(resolution)
