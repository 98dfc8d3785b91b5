"""The lines of a history: each pattern, and the record of evidence that it stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from drillbook.evidence import Counter, Effect, Event, Leftover, Published, Wire
from drillbook.evidence.kinds.decoded import Decoded
from drillbook.evidence.kinds.handled import Handled
from drillbook.evidence.kinds.links import LinkUse
from drillbook.evidence.kinds.metrics import Metric
from drillbook.evidence.kinds.states import State
from drillbook.evidence.kinds.topology import Topology

SECOND = 1_000_000_000
_LOAD, _OPERATOR = 8, 9
"""The numbers of their connections; a worker's is that of its version, and 100 more for each further replica."""

Words = Mapping[str, str]


def record(text: str, at: int) -> Any:
    """What one line says.

    Raises:
        ValueError: no pattern fits it.
    """
    for pattern, make in _GRAMMAR.items():
        if match := re.fullmatch(pattern, text):
            return make({name: value for name, value in match.groupdict().items() if value is not None}, at)
    raise ValueError(f"no history has the line {text!r}")


def _published(words: Words, at: int) -> Published:
    outcome, attempt = words["outcome"], int(words.get("attempt", 1))
    sent = None if outcome == "skipped" or "unsent" in words else at
    kind, version = words.get("type", "charge"), words.get("version")
    return Published(words["task"], kind, version, attempt, kind, at, sent, at + SECOND // 100, outcome, words.get("reason"))  # type: ignore[arg-type]


def _effect(words: Words, at: int) -> Effect:
    version, key = words.get("version", "v1"), words.get("key", words["task"])
    return Effect(words["task"], None if key == "none" else key, version, f"workers.{version}.1", at, words.get("source"))


def _leftover(words: Words, at: int) -> Leftover:
    return Leftover(
        words["task"],
        words.get("queue"),
        words["state"],  # type: ignore[arg-type]
        reason=words.get("reason"),
        history=words["history"].replace(" then ", "; ") if "history" in words else None,
        holder=_container_name(words["who"]) if "who" in words else None,
    )


def _state(words: Words, at: int) -> State:
    version = words.get("version", "v1")
    return State(words["task"], words["state"], version, f"workers.{version}.1", at)  # type: ignore[arg-type]


def _handled(words: Words, at: int) -> Handled:
    return Handled(words["task"], words["decision"], at, None if "open" in words else at, words.get("rule"))  # type: ignore[arg-type]


def _decoded(words: Words, at: int) -> Decoded:
    reason = "no handler for it" if "not" in words else None
    return Decoded(1, "v1", reason is None, "remaining", at, words["task"], queue=words["queue"], reason=reason)


def _container_name(who: str) -> str:
    if not re.fullmatch(r"v\d+(\.\d+)?", who):
        return who
    return f"workers.{who}" if "." in who else f"workers.{who}.1"


def _place(who: str) -> dict[str, Any]:
    """Who is at the client's end, and on which connection."""
    peer = _container_name(who)
    if not peer.startswith("workers."):
        return {"peer": peer, "connection": _OPERATOR if peer == "operator" else _LOAD, "channel": 1}
    _, version, replica = peer.split(".")
    return {"peer": peer, "version": version, "connection": int(version[1:]) + 100 * (int(replica) - 1), "channel": 1}


def _wire(event: str, **more: Any) -> Callable[[Words, int], Wire]:
    def make(words: Words, at: int) -> Wire:
        place = _place(words["who"]) if "who" in words else {}
        queue = {"queue": words["queue"]} if "queue" in words else {}
        return Wire(seq=0, at=at, event=event, task=words.get("task"), **place | queue | more)  # type: ignore[arg-type]

    return make


def _unidentified(words: Words, at: int) -> Wire:
    return Wire(seq=0, at=at, event="deliver", queue=words["queue"], elsewhere=words.get("elsewhere"), **_place(words["who"]))


def _connection(words: Words, at: int, **more: Any) -> Wire:
    who = _place(words["who"])
    event, peer, number = words.get("event", "close"), who["peer"], who["connection"]
    return Wire(0, at, event, f"{peer} -> broker", peer, connection=number, **more)  # type: ignore[arg-type]


def _closed(words: Words, at: int) -> Wire:
    return _connection(words, at, reason="320 CONNECTION_FORCED (broker)")


def _sent(who: str) -> Callable[[Words, int], Wire]:
    def make(words: Words, at: int) -> Wire:
        way = {"exchange": words.get("exchange", ""), "routing_key": words["key"]}
        return Wire(seq=0, at=at, event="publish", task=words["task"], **_place(words.get("who", who)) | way)

    return make


def _tap(words: Words, at: int) -> Wire:
    place = _place(words["who"]) | {"link": f"{_container_name(words['who'])} -> broker"} if "who" in words else {}
    return Wire(seq=0, at=at, event="fault", rule=words.get("name", "a fault"), reason=words["reason"], task=words.get("task"), **place)


def _event(event: str) -> Callable[[Words, int], Event]:
    def make(words: Words, at: int) -> Event:
        exit_code = int(words["exit"]) if "exit" in words else None
        more = {"kind": words.get("kind"), "target": words.get("target"), "exit_code": exit_code, "detail": words.get("detail")}
        return Event(at, event, words["name"], words["state"], **more)  # type: ignore[arg-type]

    return make


def _said(event: str) -> Callable[[Words, int], Event]:
    return lambda words, at: Event(at, event, words["name"], words["state"], detail=words["detail"])  # type: ignore[arg-type]


def _machine(words: Words, at: int) -> Event:
    return Event(at, "machine", "cpu", "sample", value=int(words["percent"]) / 100)


def _container(words: Words, at: int) -> Event:
    return Event(at, "container", _container_name(words["who"]), words["state"])


def _sampled(words: Words, at: int) -> Counter:
    return Counter(at, words["queue"], True, int(words["ready"]), int(words["consumers"]))


def _counted(words: Words, at: int) -> Counter:
    ready = None if words["ready"] == "gone" else int(words["ready"])
    edge = "start" if words["edge"] == "before" else "end"
    return Counter(at, words["queue"], ready is not None, ready, 0, words["step"], edge)  # type: ignore[arg-type]


def _metric(words: Words, at: int) -> Metric:
    return Metric(at, words["name"], float(words["value"]))


def _declared(words: Words, at: int) -> Topology:
    moment = "before" if words["moment"] == "declared" else "after"
    return Topology(at, moment, words["kind"], words["name"], words["field"], json.dumps(words["value"]))  # type: ignore[arg-type]


def _used(words: Words, at: int) -> LinkUse:
    return LinkUse(words["link"], int(words["count"]), own=2, refused="refused" in words)


def _incomplete(words: Words, at: int) -> Event:
    return Event(at, "incomplete", words["name"], "from", detail="the tap died")


_TASK, _WHO, _QUEUE = r"(?P<task>\S+)", r"(?P<who>v\d+(?:\.\d+)?|operator|load|broker)", r"(?P<queue>\S+)"
_SHAPE = r"(?: as (?P<type>\w+))?(?: of (?P<version>\w+))?"
_GRAMMAR: dict[str, Callable[[Words, int], Any]] = {
    rf"publish {_TASK} (?P<outcome>\w+)(?: (?P<unsent>unsent))?(?: attempt (?P<attempt>\d+))?{_SHAPE}(?: \((?P<reason>.+)\))?": _published,
    rf"effect {_TASK}(?: by (?P<version>\w+))?(?: key (?P<key>\S+))?(?: in (?P<source>\S+))?": _effect,
    rf"state {_TASK} (?P<state>\w+)(?: by (?P<version>\w+))?": _state,
    rf"leftover {_TASK} (?P<state>\w+)(?: in {_QUEUE})?(?: of (?P<reason>\w+)| after (?P<history>.+)| with {_WHO})?": _leftover,
    rf"decide {_TASK} (?P<decision>\w+)(?: by (?P<rule>.+?))?(?: (?P<open>not done))?": _handled,
    rf"decode {_TASK} that remains in {_QUEUE}(?: (?P<not>in vain))?": _decoded,
    rf"send {_TASK} to (?P<key>\S+)(?: through (?P<exchange>\S+))?(?: by {_WHO})?": _sent("load"),
    rf"resend {_TASK} to (?P<key>\S+)": _sent("operator"),
    rf"confirm {_TASK} to {_WHO}": _wire("confirm", ok=True),
    rf"refuse {_TASK} to {_WHO}": _wire("confirm", ok=False),
    rf"return {_TASK} to {_WHO}": _wire("return"),
    rf"deliver {_TASK} to {_WHO} from {_QUEUE}": _wire("deliver", redelivered=False),
    rf"deliver to {_WHO} from {_QUEUE}(?: with (?P<elsewhere>.+))?": _unidentified,
    rf"(?P<event>open|blocked|unblocked|refused) {_WHO}": _connection,
    rf"closed {_WHO} by the broker": _closed,
    rf"redeliver {_TASK} to {_WHO} from {_QUEUE}": _wire("deliver", redelivered=True),
    rf"ack {_TASK} by {_WHO}": _wire("ack"),
    rf"reject {_TASK} by {_WHO}": _wire("reject", requeue=False),
    rf"requeue {_TASK} by {_WHO}": _wire("nack", requeue=True),
    rf"consume {_QUEUE} by {_WHO}": _wire("consume"),
    rf"cancel {_QUEUE} by {_WHO}": _wire("cancel"),
    rf"select by {_WHO}": _wire("select"),
    rf"rollback by {_WHO}": _wire("rollback"),
    rf"close {_WHO}": _wire("close"),
    rf"tap (?:(?P<name>.+): )?(?P<reason>.+?)(?: of {_TASK})?(?: by {_WHO})?": _tap,
    rf"ready {_QUEUE} (?P<ready>\d+) consumers (?P<consumers>\d+)": _sampled,
    rf"queue {_QUEUE} (?P<ready>\d+|gone) (?P<edge>before|after) (?P<step>.+)": _counted,
    r"metric (?P<name>\S+) (?P<value>[\d.]+)": _metric,
    r"(?P<moment>declared|found) (?P<kind>queue|exchange) (?P<name>\S+) (?P<field>\S+) (?P<value>\S+)": _declared,
    r"step (?P<name>.+) (?P<state>begin|end)(?: exit (?P<exit>\d+))?(?: (?P<detail>skipped))?": _event("step"),
    r"phase (?P<name>\w+) (?P<state>\w+)(?: exit (?P<exit>\d+))?": _event("phase"),
    r"fault (?P<name>.+?) (?P<state>\w+)(?: of (?P<kind>\w+))?(?: on (?P<target>.+))?": _event("fault"),
    rf"(?P<state>started|killed|stopped|died|paused|unpaused) {_WHO}": _container,
    r"wait at (?P<name>.+) (?P<state>begin|met|not_met) for (?P<detail>.+)": _said("wait"),
    r"decision (?P<name>playbook) (?P<state>waits|abandoned): (?P<detail>.+)": _said("decision"),
    r"machine (?P<percent>\d+) % busy": _machine,
    r"used (?P<link>.+?) (?P<count>\d+) times(?: and (?P<refused>refused))?": _used,
    r"incomplete (?P<name>\w+)": _incomplete,
}
