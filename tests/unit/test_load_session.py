"""The publisher's side of the broker, told by its callbacks: what a confirm, a return, a lost channel and a lost connection come to."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import Basic, BasicProperties

from drillbook.load import session as module
from drillbook.load.session import Gathering, PublishSession
from drillbook.load.window import Attempt

URL = "amqp://drill:word@127.0.0.1:1/%2F"


class Channel:
    """A channel in confirm mode."""

    def __init__(self) -> None:
        self.is_open = True
        self.published: list[tuple[Any, ...]] = []
        self.closed: Callable[..., None] = lambda *_: None
        self.returned: Callable[..., None] = lambda *_: None
        self.confirmed: Callable[..., None] = lambda *_: None
        self.ready: Callable[..., None] = lambda *_: None

    def add_on_close_callback(self, callback: Callable[..., None]) -> None:
        self.closed = callback

    def add_on_return_callback(self, callback: Callable[..., None]) -> None:
        self.returned = callback

    def confirm_delivery(self, confirmed: Callable[..., None], callback: Callable[..., None]) -> None:
        self.confirmed, self.ready = confirmed, callback

    def basic_publish(self, *arguments: Any) -> None:
        self.published.append(arguments)

    def closes(self, reason: BaseException) -> None:
        self.is_open = False
        self.closed(self, reason)


class Connection:
    """A connection; it opens when a test says so."""

    made: list[Connection]

    def __init__(self, parameters: Any, **callbacks: Any) -> None:
        self.parameters, self.callbacks = parameters, callbacks
        self.ioloop = callbacks["custom_ioloop"] or object()
        self.is_open = self.is_closed = False
        self.channels: list[Channel] = []
        self.gathering: list[str] = []
        self.blocked: Callable[..., None] = lambda *_: None
        self.unblocked: Callable[..., None] = lambda *_: None
        self.made.append(self)

    def opens(self) -> None:
        self.is_open = True
        self.callbacks["on_open_callback"](self)

    def lost(self, reason: BaseException) -> None:
        self.is_open, self.is_closed = False, True
        self.callbacks["on_close_callback"](self, reason)

    def close(self) -> None:
        self.is_open, self.is_closed = False, True
        self.gathering.append("close")

    def channel(self, on_open_callback: Callable[[Channel], None]) -> None:
        self.channels.append(Channel())
        on_open_callback(self.channels[-1])

    def add_on_connection_blocked_callback(self, callback: Callable[..., None]) -> None:
        self.blocked = callback

    def add_on_connection_unblocked_callback(self, callback: Callable[..., None]) -> None:
        self.unblocked = callback

    def gather(self) -> None:
        self.gathering.append("gather")

    def flush(self) -> None:
        self.gathering.append("flush")


class Sessions:
    """A session, what it said of attempts, and what it put off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.connections: list[Connection] = []
        monkeypatch.setattr(module, "Gathering", type("Made", (Connection,), {"made": self.connections}))
        self.later: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []
        monkeypatch.setattr(module.gevent, "spawn_later", lambda delay, act, *more: self.later.append((delay, act, more)))
        self.told: list[str] = []
        self.session = PublishSession(
            URL, "an exchange", 10.0, Random(1), lambda one: self.told.append(f"{one.attempt.task} {one.outcome}: {one.reason}")
        )

    def opened(self) -> Sessions:
        self.session.open()
        self.connections[-1].opens()
        self.channel.ready(None)
        return self

    @property
    def connection(self) -> Connection:
        return self.connections[-1]

    @property
    def channel(self) -> Channel:
        return self.connection.channels[-1]

    def sends(self, *tasks: str, at: int = 1) -> Sessions:
        for task in tasks:
            self.session.publish(Attempt(task, "task", 1, at, at), "key", b"body", BasicProperties())
        return self

    def confirms(self, tag: int, multiple: bool = False, nack: bool = False) -> Sessions:
        method = Basic.Nack(tag, multiple) if nack else Basic.Ack(tag, multiple)
        self.channel.confirmed(SimpleNamespace(method=method))
        return self

    def waits(self) -> float:
        """Run what was put off, and say for how long it was."""
        delay, act, more = self.later.pop(0)
        act(*more)
        return delay


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    return Sessions(monkeypatch)


NOT_FOUND = ChannelClosedByBroker(404, "NOT_FOUND - no exchange")
LOST = ConnectionClosedByBroker(320, "CONNECTION_FORCED")


def test_a_session_is_usable_once_its_channel_confirms(sessions: Sessions) -> None:
    sessions.session.open()
    sessions.connection.opens()
    assert not sessions.session.usable
    sessions.channel.ready(None)
    assert sessions.session.usable


def test_a_connection_says_whose_it_is_and_notices_a_silent_peer(sessions: Sessions) -> None:
    parameters = sessions.opened().connection.parameters
    assert (parameters.heartbeat, parameters.client_properties) == (10, {"connection_name": "load"})
    assert (parameters.socket_timeout, parameters.stack_timeout) == (5.0, 5.0)


def test_a_publish_is_mandatory_and_goes_to_the_exchange(sessions: Sessions) -> None:
    sessions.opened().sends("a")
    (published,) = sessions.channel.published
    assert (published[0], published[1], published[2], published[4]) == ("an exchange", "key", b"body", True)


def test_a_confirm_is_told(sessions: Sessions) -> None:
    sessions.opened().sends("a", "b").confirms(1)
    assert sessions.told == ["a ok: None"]


def test_a_confirm_of_several_is_told_of_each(sessions: Sessions) -> None:
    sessions.opened().sends("a", "b", "c").confirms(2, multiple=True)
    assert sessions.told == ["a ok: None", "b ok: None"]


def test_a_refusal_is_a_failure(sessions: Sessions) -> None:
    sessions.opened().sends("a").confirms(1, nack=True)
    assert sessions.told == ["a fail: refused by the broker (nack)"]


@pytest.mark.parametrize(("headers", "outcome"), [(None, "fail: returned: NO_ROUTE"), ({"attempt": 2}, "ok: None")])
def test_a_return_belongs_to_the_attempt_that_it_names(sessions: Sessions, headers: dict[str, int] | None, outcome: str) -> None:
    sessions.opened().sends("a")
    sessions.channel.returned(sessions.channel, Basic.Return(312, "NO_ROUTE"), BasicProperties(message_id="a", headers=headers), b"")
    sessions.confirms(1)
    assert sessions.told == [f"a {outcome}"]


def test_what_is_not_confirmed_in_time_is_unknown(sessions: Sessions) -> None:
    sessions.opened().sends("a", at=5)
    sessions.session.expire(5 + 10 * 10**9 - 1)
    assert sessions.told == []
    sessions.session.expire(5 + 10 * 10**9)
    assert sessions.told == ["a unknown: not confirmed within 10 s"]


# A channel is lost


def test_what_was_in_flight_on_a_channel_that_the_broker_closed_unproven_has_failed(sessions: Sessions) -> None:
    sessions.opened().sends("a")
    sessions.channel.closes(NOT_FOUND)
    assert sessions.told == ["a fail: channel closed: 404 NOT_FOUND - no exchange"]


def test_what_was_in_flight_on_a_channel_that_had_confirmed_something_is_unknown(sessions: Sessions) -> None:
    sessions.opened().sends("a", "b").confirms(1)
    sessions.channel.closes(NOT_FOUND)
    assert sessions.told[1:] == ["b unknown: channel closed: 404 NOT_FOUND - no exchange"]


def test_what_was_in_flight_when_the_connection_was_lost_is_unknown(sessions: Sessions) -> None:
    sessions.opened().sends("a")
    sessions.channel.closes(LOST)
    assert sessions.told == ["a unknown: connection lost"]


def test_a_session_whose_channel_is_gone_is_not_usable_and_says_why(sessions: Sessions) -> None:
    sessions.opened()
    sessions.channel.closes(NOT_FOUND)
    assert not sessions.session.usable
    assert sessions.session.obstacle == "channel closed: 404 NOT_FOUND - no exchange"


def test_a_lost_connection_is_no_closed_channel(sessions: Sessions) -> None:
    sessions.opened()
    sessions.channel.closes(LOST)
    assert sessions.session.obstacle == "no connection"


def test_a_new_channel_comes_after_a_pause(sessions: Sessions) -> None:
    sessions.opened()
    sessions.channel.closes(NOT_FOUND)
    assert 0.05 <= sessions.waits() <= 0.1
    sessions.channel.ready(None)
    assert sessions.session.usable
    assert len(sessions.connection.channels) == 2


def test_a_channel_lost_with_its_connection_is_not_opened_again_on_it(sessions: Sessions) -> None:
    sessions.opened()
    sessions.connection.is_open = False
    sessions.channel.closes(LOST)
    assert sessions.later == []


def test_a_new_channel_counts_from_one_again(sessions: Sessions) -> None:
    sessions.opened().sends("a").confirms(1)
    sessions.channel.closes(NOT_FOUND)
    sessions.waits()
    sessions.channel.ready(None)
    sessions.sends("b").confirms(1)
    assert sessions.told == ["a ok: None", "b ok: None"]


def test_an_old_channel_s_end_does_not_take_the_new_one_away(sessions: Sessions) -> None:
    sessions.opened()
    old = sessions.channel
    old.closes(NOT_FOUND)
    sessions.waits()
    sessions.channel.ready(None)
    old.closes(NOT_FOUND)
    assert sessions.session.usable


def test_pauses_grow_while_nothing_is_confirmed(sessions: Sessions) -> None:
    sessions.opened()
    pauses = []
    for _ in range(4):
        sessions.channel.closes(NOT_FOUND)
        pauses.append(sessions.waits())
        sessions.channel.ready(None)
    assert pauses[3] > 0.4


def test_a_confirm_makes_the_next_pause_the_first_one(sessions: Sessions) -> None:
    sessions.opened()
    for _ in range(4):
        sessions.channel.closes(NOT_FOUND)
        sessions.waits()
        sessions.channel.ready(None)
    sessions.sends("a").confirms(1)
    sessions.channel.closes(NOT_FOUND)
    assert sessions.waits() <= 0.1


# A connection is lost


def test_a_lost_connection_is_made_again_after_a_pause(sessions: Sessions) -> None:
    sessions.opened()
    sessions.connection.lost(LOST)
    assert not sessions.session.usable
    assert 0.05 <= sessions.waits() <= 0.1
    assert len(sessions.connections) == 2


def test_a_connection_that_cannot_be_made_is_tried_again(sessions: Sessions) -> None:
    sessions.session.open()
    sessions.connection.callbacks["on_open_error_callback"](sessions.connection, LOST)
    sessions.waits()
    assert len(sessions.connections) == 2


def test_every_connection_shares_the_first_ones_loop(sessions: Sessions) -> None:
    sessions.opened()
    sessions.connection.lost(LOST)
    sessions.waits()
    first, second = sessions.connections
    assert first.callbacks["custom_ioloop"] is None
    assert second.callbacks["custom_ioloop"] is first.ioloop


def test_the_end_of_an_old_connection_changes_nothing(sessions: Sessions) -> None:
    sessions.opened()
    old = sessions.connection
    old.lost(LOST)
    sessions.waits()
    old.lost(LOST)
    assert sessions.later == []


def test_a_blocked_connection_is_not_usable_until_it_is_unblocked(sessions: Sessions) -> None:
    sessions.opened()
    sessions.connection.blocked(None, None)
    assert (sessions.session.usable, sessions.session.obstacle) == (False, "connection blocked by the broker")
    sessions.connection.unblocked(None, None)
    assert sessions.session.usable


def test_a_new_connection_is_not_blocked_because_the_old_one_was(sessions: Sessions) -> None:
    sessions.opened()
    sessions.connection.blocked(None, None)
    sessions.connection.lost(LOST)
    assert sessions.session.obstacle == "no connection"


def test_a_lost_connection_forgets_why_a_channel_was_closed(sessions: Sessions) -> None:
    sessions.opened()
    sessions.channel.closes(NOT_FOUND)
    sessions.connection.lost(LOST)
    assert sessions.session.obstacle == "no connection"


# Leaving


def test_closing_makes_what_is_unconfirmed_unknown(sessions: Sessions) -> None:
    sessions.opened().sends("a")
    sessions.session.close("the end")
    assert sessions.told == ["a unknown: the end"]


def test_closing_says_goodbye(sessions: Sessions) -> None:
    sessions.opened()
    sessions.session.close("the end")
    assert sessions.connection.gathering == ["close"]
    assert not sessions.session.usable


def test_closing_a_session_that_never_opened_is_no_error(sessions: Sessions) -> None:
    sessions.session.close("the end")
    assert sessions.told == []


def test_closing_a_session_whose_connection_is_not_open_says_no_goodbye(sessions: Sessions) -> None:
    sessions.session.open()
    sessions.session.close("the end")
    assert sessions.connection.gathering == []


def test_a_closed_session_does_not_connect_any_more(sessions: Sessions) -> None:
    sessions.session.close("the end")
    sessions.session.open()
    assert sessions.connections == []


def test_a_closed_session_comes_back_from_nothing(sessions: Sessions) -> None:
    sessions.opened()
    sessions.session.close("the end")
    sessions.channel.closes(LOST)
    sessions.connection.lost(LOST)
    assert sessions.later == []


def test_a_channel_that_is_ready_too_late_is_not_used(sessions: Sessions) -> None:
    sessions.session.open()
    sessions.connection.opens()
    sessions.session.close("the end")
    sessions.channel.ready(None)
    assert not sessions.session.usable


def test_a_channel_is_not_opened_on_a_connection_that_is_gone(sessions: Sessions) -> None:
    sessions.opened()
    sessions.channel.closes(NOT_FOUND)
    sessions.connection.is_open = False
    sessions.waits()
    assert len(sessions.connection.channels) == 1


# Batches


def test_what_is_published_in_a_batch_leaves_at_its_end(sessions: Sessions) -> None:
    sessions.opened()
    with sessions.session.batch():
        assert sessions.connection.gathering == ["gather"]
    assert sessions.connection.gathering == ["gather", "flush"]


def test_a_batch_that_breaks_off_leaves_all_the_same(sessions: Sessions) -> None:
    sessions.opened()
    with pytest.raises(RuntimeError), sessions.session.batch():
        raise RuntimeError
    assert sessions.connection.gathering == ["gather", "flush"]


def test_without_a_connection_a_batch_is_nothing(sessions: Sessions) -> None:
    with sessions.session.batch():
        pass
    assert sessions.connections == []


class Written(Gathering):
    """A connection that keeps what would be written to its socket."""

    def __init__(self) -> None:
        self.written: list[bytes] = []


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    monkeypatch.setattr(module.GeventConnection, "_adapter_emit_data", lambda self, data: self.written.append(data))
    return Written()


def test_what_is_gathered_is_written_at_once_in_order(written: Written) -> None:
    written.gather()
    for data in (b"a", b"b"):
        written._adapter_emit_data(data)
    assert written.written == []
    written.flush()
    assert written.written == [b"ab"]


def test_what_is_not_gathered_is_written_as_it_comes(written: Written) -> None:
    written._adapter_emit_data(b"a")
    assert written.written == [b"a"]


def test_after_a_flush_nothing_is_held_back_any_more(written: Written) -> None:
    written.gather()
    written.flush()
    written._adapter_emit_data(b"a")
    assert written.written == [b"a"]
