"""What a made-up drill's broker had declared and counted."""

from __future__ import annotations

import json
from random import Random

from small_run import at

from drillbook.evidence.kinds.metrics import Metric
from drillbook.evidence.kinds.topology import Topology

QUEUES = ("tasks.v1", "tasks.v2", "tasks.dead")


def metrics(draw: Random, careless: bool, seconds: float) -> list[Metric]:
    """Gauges of each queue and the node's counters, a line where something changed."""
    lines, last = [], {}
    moment = -2.0
    while moment < seconds + 6:
        slow = max(0.0, min(moment - 10, 5)) * 90 if moment < 15 else max(0.0, 450 - (moment - 15) * 110)
        gone = careless and moment > 15.6
        v2 = 0 if gone or moment < 7 else int(slow)
        now = {
            ("queue_messages_ready", "tasks.v1"): draw.randint(0, 6) if moment < seconds else 0,
            ("queue_messages_ready", "tasks.v2"): v2,
            ("queue_messages_ready", "tasks.dead"): 3 if moment > 20 else 0,
            ("queue_messages_unacked", "tasks.v1"): draw.randint(2, 20) if moment < seconds else 0,
            ("queue_messages_unacked", "tasks.v2"): min(v2, 60),
            ("queue_messages_redelivered_total", "tasks.v1"): 40 if moment > 16 else 0,
            ('global_messages_dead_lettered_delivery_limit_total{dead_letter_strategy="at_most_once",queue_type="quorum"}', None): 3
            if moment > 20
            else 0,
        }
        for (name, queue), value in now.items():
            if last.get((name, queue), 0) != value:
                lines.append(Metric(at(moment), name, float(value), queue))
        last = now
        moment += 1
    return lines


def topology(careless: bool) -> list[Topology]:
    """What was declared before and after: the same, but for a careless playbook that deletes a queue and loses its limit."""
    lines = []
    for moment, when in (("before", -0.1), ("after", 36)):
        spoilt = careless and moment == "after"
        for queue in QUEUES:
            if not (spoilt and queue == "tasks.v2"):
                lines += _queue(moment, when, queue, None if spoilt and queue == "tasks.v1" else 5)
        lines.append(Topology(at(when), moment, "binding", 'tasks -> queue tasks.v1 with "charge"', "there", "true"))  # type: ignore[arg-type]
    return lines


def _queue(moment: str, when: float, queue: str, limit: int | None) -> list[Topology]:
    settings = {"type": "quorum", "durable": True} | ({} if limit is None else {"arguments.x-delivery-limit": limit})
    return [
        Topology(at(when), moment, "queue", queue, field, json.dumps(value))  # type: ignore[arg-type]
        for field, value in settings.items()
    ]
