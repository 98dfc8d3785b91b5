"""Drills that could not happen as written: times that never come, tasks that no queue takes, victims that are too few."""

from __future__ import annotations

import re
from collections.abc import Sequence

from drillbook.core.problems import suggestion
from drillbook.core.units import Seconds
from drillbook.faults.base import Use
from drillbook.scenario import After, Binding, Deployment, Exchange, FaultEntry, Load, Monitor, Settle, Start, Workers
from drillbook.scenario.moments import Confirmed, GivenTo, Moment, TaskCount, TaskCounts, WaitingIn
from drillbook.validation.checks.references import OWN_EXCHANGES
from drillbook.validation.partial_scenario import PartialScenario
from drillbook.validation.source import KeyPath, Place


def check(partial: PartialScenario) -> None:
    """Load, routing, times, events, faults and tags."""
    _shares(partial)
    _routing(partial)
    _faults(partial)
    _times(partial)
    _events(partial)
    _tags(partial)


def _shares(partial: PartialScenario) -> None:
    load = partial.part(Load, "load")
    path = ("load", "types")
    if load is None:
        return
    for name, share in load.types.items():
        if share <= 0:
            partial.source.refuse(partial.source.value((*path, name)), f"the share of {name} must be more than 0, not {share:g}")
    total = sum(load.types.values())
    if abs(total - 1) > 1e-6 and min(load.types.values(), default=1) > 0:
        partial.source.refuse(partial.source.key(path), f"the shares of types must sum to 1, and these sum to {total:g}")


def _routing(partial: PartialScenario) -> None:
    load, source = partial.part(Load, "load"), partial.source
    queues = source.names("stage", "broker", "queues")
    if load is None or not queues:
        return
    general = source.value(("load", "routing_key")) if "routing_key" in source.names("load") else source.key(("load",))
    templates: dict[Place, str] = {}
    types: dict[Place, list[str]] = {}
    for name in load.types:
        own = load.shape(name).routing_key
        place = general if own is None else source.value(("load", "messages", name, "routing_key"))
        templates[place] = load.routing_key if own is None else own
        types.setdefault(place, []).append(name)
    for place, template in templates.items():
        strange = [name for name in re.findall(r"\{(.*?)\}", template) if name != "type"]
        if strange:
            source.refuse(place, f"routing_key knows {{type}} only, not {{{strange[0]}}}")
        else:
            _lost(partial, place, load.exchange, list(dict.fromkeys(map(load.routing_key_of, types[place]))), queues)


def _lost(partial: PartialScenario, place: Place, exchange: str, keys: list[str], queues: list[str]) -> None:
    """Routing keys that lead nowhere."""
    lost = [key for key in keys if (not _routes(partial, exchange, key) if exchange else key not in queues)]
    if lost and exchange:
        said = f"no binding of exchange {exchange} takes the routing key {' or '.join(lost)}: its tasks would be returned"
        partial.source.refuse(place, said)
    elif lost:
        hint = suggestion(lost[0], queues)
        partial.source.refuse(place, f"without exchange the routing key is a queue, and there is no {' or '.join(lost)}{hint}")


def _routes(partial: PartialScenario, name: str, key: str) -> bool:
    """Whether an exchange routes a key anywhere; True where that cannot be told."""
    declared = partial.part(Exchange, "stage", "broker", "exchanges", name)
    if (declared is None and name not in OWN_EXCHANGES) or (declared is not None and "alternate-exchange" in declared.arguments):
        return True
    kind = declared.type if declared else name.removeprefix("amq.")
    raw = partial.source.get("stage", "broker", "bindings") or []
    bindings = [partial.part(Binding, "stage", "broker", "bindings", number) for number in range(len(raw))]
    sources = {binding.source if binding else None for binding in bindings}
    if not sources <= {*partial.source.names("stage", "broker", "exchanges"), *OWN_EXCHANGES}:
        return True
    keys = [binding.key for binding in bindings if binding is not None and binding.source == name]
    if kind == "direct":
        return key in keys
    if kind == "topic":
        return any(_takes(pattern.split("."), key.split(".")) for pattern in keys)
    return bool(keys)


def _takes(pattern: list[str], key: list[str]) -> bool:
    """Whether a topic pattern takes a key, word by word, as AMQP 0-9-1 has it: ``*`` is one word, ``#`` any number of words."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_takes(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and _takes(pattern[1:], key[1:])


def _faults(partial: PartialScenario) -> None:
    source = partial.source
    first: dict[str, int] = {}
    for number, entry in partial.faults:
        path = ("faults", number)
        if entry.name in first:
            place = source.value((*path, "name"))
            source.refuse(
                place, f"a fault is named {entry.name} already, on line {source.value(('faults', first[entry.name], 'name')).line}"
            )
        first.setdefault(entry.name, number)
        _pick(partial, number, entry)
        _objections(partial, number, entry)


def _objections(partial: PartialScenario, number: int, entry: FaultEntry) -> None:
    """What the fault itself has against it."""
    links = partial.names.resolve(entry.fault.aim) if partial.names is not None and "->" in entry.fault.aim else []
    for objection in entry.fault.objections(Use(links, entry.on.wire if entry.on else None)):
        partial.source.refuse(partial.source.value(("faults", number, entry.fault.kind, objection.key)), objection.why)


def _pick(partial: PartialScenario, number: int, entry: FaultEntry) -> None:
    pick = entry.fault.pick
    if not isinstance(pick, int) or partial.names is None:
        return
    place = partial.source.value(("faults", number, entry.fault.kind, "pick"))
    victims = partial.names.resolve(entry.fault.aim)
    if pick < 1:
        partial.source.refuse(place, f"pick must be at least 1, not {pick}")
    elif victims and pick > len(victims):
        partial.source.refuse(place, f"pick is {pick}, and {entry.fault.aim} names only {len(victims)}")


def _times(partial: PartialScenario) -> None:
    source = partial.source
    load, settle = partial.part(Load, "load"), partial.part(Settle, "settle")
    if load and load.most < load.duration:
        place = source.value(("load", "most" if "most" in source.names("load") else "duration"))
        source.refuse(place, f"the load lasts {Seconds.write(load.duration)} at least, and {Seconds.write(load.most)} at most")
    elif load:
        _beyond_the_load(partial, load)
    if settle and settle.quiet_for >= settle.within:
        place = source.value(("settle", "quiet_for")) if "quiet_for" in source.names("settle") else source.value(("settle", "within"))
        source.refuse(place, f"quiet for {Seconds.write(settle.quiet_for)} cannot come within {Seconds.write(settle.within)}")


def _beyond_the_load(partial: PartialScenario, load: Load) -> None:
    """Moments by time that come only when the load has ended, however long the story takes."""
    deployment, start = partial.part(Deployment, "deployment"), partial.part(Start, "playbook", "start")
    deployed = (deployment.at or 0.0) if deployment else 0.0
    over = f"and the load lasts {Seconds.write(load.most)} at most (load.most)"

    def refuse(path: KeyPath, what: str) -> None:
        partial.source.refuse(partial.source.value(path), f"{what}, {over}")

    def comes(moment: Moment) -> float:
        return moment.seconds + (deployed if moment.after_deployment else 0.0)

    if deployment and deployment.at is not None and deployment.at >= load.most:
        refuse(("deployment", "at"), f"the deployment starts at {Seconds.write(deployment.at)}")
    for key, moment in {"at": start.at, "no_later_than": start.no_later_than}.items() if start else ():
        if moment is not None and comes(moment) >= load.most:
            refuse(("playbook", "start", key), f"{key} is {moment}")
    for number, entry in partial.faults:
        if entry.at is not None and comes(entry.at) >= load.most:
            refuse(("faults", number, "at"), f"the fault would begin at {entry.at}")
        elif entry.at is not None and entry.lasting is not None and comes(entry.at) + entry.lasting > load.most:
            refuse(("faults", number, "for"), f"the fault would last until {Seconds.write(comes(entry.at) + entry.lasting)}")


def _events(partial: PartialScenario) -> None:
    """Events that need something that the file does not have: a deployment, a version, a queue."""
    deployment, start = partial.part(Deployment, "deployment"), partial.part(Start, "playbook", "start")
    moments: dict[KeyPath, Moment | None] = {("faults", number, "at"): entry.at for number, entry in partial.faults}
    afters: dict[KeyPath, After | None] = {("faults", number, "after"): entry.after for number, entry in partial.faults}
    if start:
        moments |= {("playbook", "start", "at"): start.at, ("playbook", "start", "no_later_than"): start.no_later_than}
        afters[("playbook", "start", "after")] = start.after
    if deployment:
        afters[("deployment", "after")] = deployment.after
    has_deployment = bool(partial.source.names("deployment"))
    if start and start.while_deploying and not has_deployment:
        place = partial.source.value(("playbook", "start", "while_deploying"))
        partial.source.refuse(place, "there is no deployment that the playbook could start in")
    for name in partial.source.names("monitors") if not has_deployment else ():
        monitor = partial.part(Monitor, "monitors", name)
        if monitor is not None and "armed" in partial.source.names("monitors", name) and monitor.armed == "deployment":
            partial.source.refuse(partial.source.value(("monitors", name, "armed")), "there is no deployment whose end could arm it")
    for path, moment in moments.items():
        if moment is not None and moment.after_deployment and not has_deployment:
            partial.source.refuse(partial.source.value(path), "there is no deployment that it could come after")
    for path, after in afters.items():
        if after is not None and after.deployment and not has_deployment:
            partial.source.refuse(partial.source.value(path), "there is no deployment that it could come after")
        if after is not None and after.tasks:
            _counted(partial, (*path, "tasks"), after.tasks)
    _hold(partial)


def _hold(partial: PartialScenario) -> None:
    raw = partial.source.get("playbook", "hold")
    for step, text in raw.items() if isinstance(raw, dict) else ():
        try:
            _counted(partial, ("playbook", "hold", step), TaskCounts.read(text))
        except ValueError:
            continue  # the model refuses it


def _counted(partial: PartialScenario, path: KeyPath, tasks: TaskCount) -> None:
    """The version or queue of a count of tasks must be there."""
    match tasks:
        case Confirmed(count):
            why = _never_confirmed(partial, count)
        case GivenTo(_, version):
            names = partial.source.names("stage", "workers")
            why = _unknown("version", version, names) or _never_given(partial, version, deploying=path[0] == "deployment")
        case WaitingIn(_, queue):
            why = _unknown("queue", queue, partial.source.names("stage", "broker", "queues"))
    if why is not None:
        partial.source.refuse(partial.source.value(path), why)


def _unknown(kind: str, name: str, names: Sequence[str]) -> str | None:
    return f"there is no {kind} {name}{suggestion(name, names)}" if names and name not in names else None


def _never_confirmed(partial: PartialScenario, count: int) -> str | None:
    """Why so many tasks will never be."""
    load = partial.part(Load, "load")
    if load is None or count <= load.rate * load.most:
        return None
    most = f"{load.rate * load.most:,.0f} at most ({load.rate:g}/s for {Seconds.write(load.most)}, load.most)"
    return f"{count:,} tasks are never confirmed: the load has {most}"


def _never_given(partial: PartialScenario, version: str, deploying: bool) -> str | None:
    """Why a version will never be given a task; before the deployment, where it is that which waits for it."""
    workers = partial.part(Workers, "stage", "workers", version)
    if workers is None:
        return None
    if not workers.consumes:
        return f"{version} is given no tasks: its consumes is false"
    if not workers.started and deploying:
        return f"{version} is given no task before the deployment: it is not started (started: false)"
    return None


def _tags(partial: PartialScenario) -> None:
    tags = partial.source.get("tags")
    for number, tag in enumerate(tags if isinstance(tags, list) else []):
        if isinstance(tag, str) and (not re.fullmatch(r"[A-Za-z_][\w.-]*", tag) or tag in ("and", "or", "not")):
            partial.source.refuse(
                partial.source.value(("tags", number)), f"the tag {tag!r} cannot be chosen with -m: use letters, digits, _ . -"
            )
