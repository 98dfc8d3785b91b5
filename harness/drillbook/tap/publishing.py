"""A channel's publisher: what it publishes, and which tasks a confirm stands for.

*Unconfirmed*: published after ``confirm.select``, not yet acknowledged by the broker; tags count those publishes from 1. The map of them
is as large as what is in flight. ``publish`` and ``return`` are written when the whole body has passed.
"""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from json.encoder import encode_basestring_ascii as quoted
from struct import Struct

from .content import Content
from .fields import short_string
from .transaction import ClientLines, LineSink

_tag = Struct(">QB").unpack_from
_code = Struct(">H").unpack_from
_MOST_ROUTES = 4096


def standing_for(waiting: dict[int, str], tag: int, multiple: int) -> list[int]:
    """The tags of ``waiting``, in order, that a tag stands for; with ``multiple`` every earlier one too, and by tag 0 all."""
    if not multiple:
        return [tag] if tag in waiting else []
    return list(takewhile(tag.__ge__, waiting) if tag else waiting)


class Publishing:
    """The publisher of one channel.

    Args:
        prefix: of each of its lines, after the event's name.
        lines: where they go.
        told: where publishes go, which a transaction holds back.
        sent: the content that the client sends.
        arriving: the content that the broker sends.
    """

    def __init__(self, prefix: str, lines: LineSink, told: ClientLines, sent: Content, arriving: Content) -> None:
        self._lines, self._told, self._sent, self._arriving = lines, told, sent, arriving
        self._publish, self._confirm, self._return = f'publish"{prefix}', f'confirm"{prefix}', f'return"{prefix}'
        self._routes: dict[bytes, str] = {}
        self._confirming = False
        self._publishes = 0
        self._unconfirmed: dict[int, str] = {}

    def confirm_select(self, _: bytes) -> None:
        self._confirming = True

    def publish(self, data: bytes, start: int, end: int) -> int:
        """A ``basic.publish`` at hand; the position to go on from."""
        key = data[start + 6 : end - 1]
        route = self._routes.get(key) or self._route(data[start:end], key)
        after = self._sent.whole(data, end + 1)
        if after:
            self._published(route, self._sent.task)
            return after
        self._sent.announce(partial(self._published, route))
        return end + 1

    def _route(self, payload: bytes, key: bytes) -> str:
        exchange, position = short_string(payload, 6)
        routing_key, _ = short_string(payload, position)
        if len(self._routes) >= _MOST_ROUTES:
            self._routes.clear()
        route = self._routes[key] = f',"exchange":{quoted(exchange)},"routing_key":{quoted(routing_key)}'
        return route

    def _published(self, route: str, task: str) -> None:
        if self._confirming:
            self._publishes += 1
            self._unconfirmed[self._publishes] = task
        self._told.write(f"{self._publish}{task}{route}")

    def confirmed(self, payload: bytes) -> list[str]:
        """The tasks that a confirm stands for, as JSON that begins with a comma; it need not have passed yet."""
        waiting = self._unconfirmed
        return [waiting[tag] for tag in standing_for(waiting, *_confirms(payload))]

    def confirm_ack(self, payload: bytes) -> None:
        self._confirmed(payload, ',"ok":true')

    def confirm_nack(self, payload: bytes) -> None:
        self._confirmed(payload, ',"ok":false')

    def _confirmed(self, payload: bytes, ok: str) -> None:
        take, says = self._unconfirmed.pop, self._confirm
        tag, bits = _confirms(payload)
        self._lines.extend([f"{says}{take(each)}{ok}" for each in standing_for(self._unconfirmed, tag, bits)])

    def returned(self, payload: bytes) -> None:
        why = quoted(f"{_code(payload, 4)[0]} {short_string(payload, 6)[0]}")
        self._arriving.announce(lambda task: self._lines.write(f'{self._return}{task},"reason":{why}'))


def _confirms(payload: bytes) -> tuple[int, int]:
    tag, bits = _tag(payload, 4)
    return tag, bits & 1
