"""Run directories drawn at random: mostly as they should be, so that invariants hold often enough for something to be seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from histories import history
from hypothesis import strategies as st

from drillbook.evidence.kinds import FILES
from drillbook.judge.catalogue import catalogue

SAMPLES = {"duration": "20s", "version": "v2", "step": {"step": "stop v2"}, "queue": "tasks.v2", "int": 2, "float": 0.5, "text": "charge"}


def sample(kind: str) -> Any:
    return [sample(kind[5:-1])] if kind.startswith("list[") else SAMPLES.get(kind, kind.partition("|")[0])


EVERYTHING: dict[str, Any] = {
    one.name: {parameter.name: sample(parameter.kind) for parameter in one.parameters if parameter.required} for one in catalogue().values()
}
SECTIONS = {
    "load": {"rate": "10/s", "duration": "1s"},
    "playbook": {"run": "./rollback.sh", "start": {"at": "1s"}},
    "outbox": {"query": "select task from outbox"},
}
BEGIN = [
    *("declared queue tasks.v2 type classic", "found queue tasks.v2 type classic"),
    *("phase load begin", "publish sure ok", "effect sure by v1", "state sure completed", "phase playbook begin"),
]
STOPPING = ["step stop v2 begin", "queue tasks.v2 2 before stop v2", "killed v2", "queue tasks.v2 gone after stop v2", "step stop v2 end"]
END = ["phase playbook end exit 0", "phase load end", "phase settle begin", "phase settle end", "phase collect begin", "phase collect end"]

task = st.sampled_from("abc")
version = st.sampled_from(["v1", "v2"])
way = st.sampled_from(["done", "done", "done", "lost", "twice", "dead", "unconfirmed"])


def lived(task: str, fate: str, version: str) -> list[str]:
    """A task's life, mostly as it should be, so that invariants hold often enough for something to be seen."""
    delivery = [f"send {task} to tasks.v2", f"confirm {task} to load", f"deliver {task} to {version} from tasks.v2"]
    done, settled = [f"effect {task} by {version}", f"state {task} completed by {version}"], [f"ack {task} by {version}"]
    published = f"publish {task} {'unknown' if fate == 'unconfirmed' else 'ok'}"
    return {
        "lost": [published, *delivery, *settled],
        "twice": [published, *delivery, *done, *done[:1], *settled],
        "dead": [published, *delivery, f"reject {task} by {version}", f"leftover {task} dead in tasks.dead", f"state {task} failed"],
    }.get(fate, [published, *delivery, *done, *settled])


moment = st.one_of(
    st.builds("publish {} {}".format, task, st.sampled_from(["ok", "ok", "unknown", "fail", "skipped"])),
    st.builds("effect {} by {}".format, task, version),
    st.builds("deliver {} to {} from tasks.v2".format, task, version),
    st.builds("{1} {0} by {2}".format, task, st.sampled_from(["ack", "reject", "requeue"]), version),
    st.builds("resend {} to tasks.v1".format, task),
    st.builds("leftover {} {} in tasks.{}".format, task, st.sampled_from(["ready", "dead", "unacked", "delayed"]), version),
    st.builds("state {} {} by {}".format, task, st.sampled_from(["queued", "completed", "failed"]), version),
    st.builds("leftover {} {}".format, task, st.sampled_from(["outbox", "cancelled"])),
    st.builds("ready tasks.v2 {} consumers {}".format, st.integers(0, 3), st.integers(0, 2)),
    st.builds("{} queue tasks.v1 type {}".format, st.sampled_from(["declared", "found"]), st.sampled_from(["classic", "quorum"])),
    st.builds("tap a fault: {} by v1".format, st.sampled_from(["armed", "ack dropped"])),
    st.just("close v1"),
)
lives = st.lists(st.tuples(way, version), max_size=3).map(
    lambda fates: [line for name, fate in zip("abc", fates, strict=False) for line in lived(name, *fate)]
)
strange = st.one_of(st.just([]), st.lists(moment, max_size=6))


@st.composite
def runs(draw: Callable[[Any], Any], invariants: dict[str, Any] = EVERYTHING) -> Path:
    lines = [*BEGIN, *draw(lives), *draw(strange), *STOPPING, *draw(strange), *END]
    return history(*lines, invariants=invariants, sections=SECTIONS, empty=list(FILES))
