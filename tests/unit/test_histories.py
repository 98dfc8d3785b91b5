"""Small histories with names, and what each of the invariants says of them.

A history is four lines: its name, what happened (``histories`` has the grammar, a second each), and the verdicts it is about. All evidence
is there and whole, unless a history says ``without wire`` or ``half-written wire``; ``sources rows calls`` are those of its effects. Every
invariant is seen held, broken and inconclusive.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from histories import history

from drillbook.api import judge
from drillbook.evidence.kinds import FILES
from drillbook.judge.catalogue import catalogue
from drillbook.judge.verdict import Verdict

PARAMETERS: dict[str, dict[str, Any]] = {
    "drained": {"queue": "q"},
    "no_stuck_tasks": {"within": "5s", "allow": ["parked"]},
    "nothing_expired": {"allow": ["cache"]},
    "order_kept": {"queue": "q"},
    "publish_fence": {"type": "charge", "after": {"step": "stop v2"}, "grace": "2s"},
    "recovered": {"within": "10s"},
    "unharmed": {"types": ["charge"], "within": "5s"},
    "version_fence": {"version": "v2", "after": {"step": "stop v2"}},
}
_APART = re.compile("(without|half-written|sources) (.+)")
SECTIONS = {"outbox": {"query": "select task from outbox"}}


def held(*names: str) -> dict[str, Verdict]:
    return dict.fromkeys(names, Verdict.HELD)


def broken(*names: str) -> dict[str, Verdict]:
    return dict.fromkeys(names, Verdict.BROKEN)


def inconclusive(*names: str) -> dict[str, Verdict]:
    return dict.fromkeys(names, Verdict.INCONCLUSIVE)


DONE = "publish a ok; send a to q; deliver a to v1 from q; effect a; state a completed; ack a by v1"
FAILED = "deliver a to v1 from q; requeue a by v1"
CRASHED = "deliver a to v1 from q; deliver b to v1 from q; close v1"
TAKEN = "deliver a to operator from dead; resend a to q; confirm a to operator; ack a by operator"
EXPIRED = 'metric global_messages_dead_lettered_expired_total{dead_letter_strategy="disabled"} 1'

COPIES = "publish {0} ok; send {0} to any through topic; deliver {0} to v1 from p; deliver {0} to v2 from q"

HISTORIES: dict[str, tuple[str, dict[str, Verdict]]] = {
    # What the old version can read (more in test_judge_decodable.py)
    "left where the old version can decode it": (
        "publish a ok; phase playbook begin; consume q by v1; decode a that remains in q",
        held("decodable"),
    ),
    "left where the old version cannot decode it": (
        "publish a ok; phase playbook begin; consume q by v1; decode a that remains in q in vain",
        broken("decodable"),
    ),
    "nobody was asked what it can decode": (
        "phase playbook begin; without decoded",
        inconclusive("decodable"),
    ),
    # What becomes of a publish
    "done once": (
        DONE,
        held(*catalogue().keys() - {"playbook_succeeded", "publish_fence", "version_fence", "topology_restored"}),
    ),
    "an empty run": (
        "",
        inconclusive("no_lost_tasks", "no_duplicate_effects", "conservation", "no_stuck_tasks"),
    ),
    "a confirm lost on the way is unknown, not lost": (
        "publish a unknown; publish b ok; effect b",
        held("no_lost_tasks", "conservation"),
    ),
    "a confirm lost on the way, and the task was done": (
        "publish a unknown; publish b ok; effect a; effect b",
        held("no_lost_tasks", "conservation", "no_duplicate_effects"),
    ),
    "the same id published twice, done twice": (
        "publish a unknown; publish a ok attempt 2; effect a; effect a",
        held("no_lost_tasks", "conservation") | broken("no_duplicate_effects"),
    ),
    "the same id published twice, done once by a worker that remembers": (
        "publish a unknown; publish a ok attempt 2; deliver a to v1 from q; effect a; ack a by v1; deliver a to v1 from q; ack a by v1",
        held("no_lost_tasks", "no_duplicate_effects", "no_overlap"),
    ),
    "refused by the broker": (
        "publish a fail; publish b ok; effect b",
        held("no_lost_tasks", "conservation"),
    ),
    "skipped, and done all the same": (
        "publish a skipped; publish b ok; effect a; effect b",
        held("no_lost_tasks") | broken("conservation"),
    ),
    "an effect of an id that nobody knows": (
        f"{DONE}; effect x",
        held("no_lost_tasks") | broken("conservation"),
    ),
    "an effect before the publish": (
        "effect a; publish a ok",
        held("no_lost_tasks", "no_duplicate_effects", "recovered"),
    ),
    "nothing confirmed": (
        "publish a unknown; effect a",
        inconclusive("no_lost_tasks", "no_duplicate_effects"),
    ),
    # Acknowledgements, redeliveries, effects
    "a crash between effect and acknowledgement": (
        "publish a ok; deliver a to v2 from q; effect a by v2; died v2; close v2; redeliver a to v1 from q; effect a by v1; ack a by v1",
        held("no_lost_tasks", "no_overlap", "poison_contained") | broken("no_duplicate_effects"),
    ),
    "a redelivery without a duplicate": (
        "publish a ok; deliver a to v2 from q; close v2; redeliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks", "no_duplicate_effects", "no_overlap", "bounded_redelivery"),
    ),
    "acknowledged early, then killed": (
        "publish a ok; deliver a to v2 from q; ack a by v2; killed v2; close v2",
        held("no_silent_drop", "no_stuck_tasks") | broken("no_lost_tasks", "conservation"),
    ),
    "an acknowledgement dropped by a fault, and the worker is cut off": (
        "publish a ok; deliver a to v1 from q; effect a; tap ack dropped of a by v1; close v1; redeliver a to v1 from q; ack a by v1",
        held("no_lost_tasks", "no_duplicate_effects", "no_overlap", "no_stuck_tasks"),
    ),
    "an acknowledgement dropped by a fault, and the task done again": (
        "publish a ok; deliver a to v1 from q; effect a; tap ack dropped of a by v1; close v1; "
        "redeliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks") | broken("no_duplicate_effects"),
    ),
    "an acknowledgement dropped by a fault that leaves the connection open": (
        "publish a ok; deliver a to v1 from q; effect a; tap ack dropped of a by v1; close v1; leftover a ready in q",
        held("no_lost_tasks", "no_stuck_tasks"),
    ),
    "a consumer without acknowledgements loses what it had in hand": (
        "publish a ok; publish b ok; deliver a to v2 from q; ack a by v2; deliver b to v2 from q; ack b by v2; effect a; "
        "killed v2; close v2",
        held("no_overlap") | broken("no_lost_tasks"),
    ),
    "a transaction rolled back: neither effect nor acknowledgement": (
        "publish a ok; select by v1; deliver a to v1 from q; rollback by v1; close v1; redeliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks", "no_duplicate_effects", "no_overlap"),
    ),
    "refused, and there is no dead-letter queue": (
        "publish a ok; deliver a to v1 from q; reject a by v1",
        broken("no_lost_tasks", "no_silent_drop"),
    ),
    "never delivered, and nowhere": (
        "publish a ok; send a to q",
        broken("no_lost_tasks", "no_silent_drop", "conservation"),
    ),
    "in two places at once": (
        "publish a ok; deliver a to v2 from q; resend a to p; deliver a to v1 from p; effect a; ack a by v1; ack a by v2",
        held("no_duplicate_effects") | broken("no_overlap"),
    ),
    "two sources, and one misses its effect": (
        "sources rows calls; publish a ok; effect a in rows; publish b ok; effect b in rows; effect b in calls",
        held("no_duplicate_effects") | broken("no_lost_tasks"),
    ),
    "delivered over and over": (
        f"publish a ok; {'; '.join([FAILED] * 6)}; deliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks", "poison_contained") | broken("bounded_redelivery"),
    ),
    # Where tasks rest
    "dead-lettered": (
        "publish a ok; deliver a to v1 from q; reject a by v1; leftover a dead in dead of rejected",
        held("conservation", "nothing_expired", "no_stuck_tasks", "no_silent_drop", "drained") | broken("no_lost_tasks", "recovered"),
    ),
    "dead-lettered, replayed and done": (
        f"publish a ok; deliver a to v1 from q; reject a by v1; {TAKEN}; deliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks", "replay_once", "no_duplicate_effects", "no_overlap"),
    ),
    "cancelled": (
        "publish a ok; leftover a cancelled",
        held("conservation", "no_stuck_tasks", "state_consistent") | broken("no_lost_tasks"),
    ),
    "waiting at the end": (
        "publish a ok; leftover a ready in q",
        held("conservation") | broken("no_lost_tasks", "no_stuck_tasks", "drained"),
    ),
    "unacknowledged at the end": (
        "publish a ok; deliver a to v1 from q; leftover a unacked in q with v1",
        held("conservation") | broken("no_lost_tasks", "no_stuck_tasks", "drained"),
    ),
    "unacknowledged at the end by the operator": (
        "publish a ok; deliver a to operator from q; leftover a unacked in q with operator",
        broken("no_stuck_tasks", "drained"),
    ),
    "waiting at the end, with a copy of it done": (
        f"{DONE}; leftover a ready in q",
        held("no_stuck_tasks", "no_lost_tasks") | broken("drained"),
    ),
    "parked by the operator": (
        "publish a ok; deliver a to operator from q; resend a to parked; ack a by operator; leftover a ready in parked",
        held("no_stuck_tasks", "conservation", "replay_once") | broken("no_lost_tasks"),
    ),
    "left in the outbox": (
        "publish a ok; leftover a outbox",
        held("conservation", "no_stuck_tasks") | broken("outbox_empty", "no_lost_tasks"),
    ),
    "in a delay queue": (
        "publish a ok; leftover a delayed in retry",
        held("no_stuck_tasks", "conservation", "nothing_expired"),
    ),
    # Standing still
    "with a worker that the playbook paused": (
        "publish a ok; deliver a to v2 from q; paused v2; wait 10; ack a by v2; effect a by v2",
        held("no_lost_tasks", "no_overlap") | broken("no_stuck_tasks"),
    ),
    "with a worker that a fault paused": (
        "publish a ok; deliver a to v2 from q; fault freeze begin of pause; wait 10; fault freeze cleared; ack a by v2; effect a by v2",
        held("no_stuck_tasks", "no_lost_tasks"),
    ),
    "still unacknowledged long after the fault had cleared": (
        "publish a ok; deliver a to v2 from q; fault freeze begin of pause; fault freeze cleared; wait 10; ack a by v2; effect a by v2",
        broken("no_stuck_tasks"),
    ),
    "unacknowledged long after another worker was killed": (
        "publish a ok; fault axe begin of kill; deliver a to v2 from q; wait 10; ack a by v2; effect a by v2",
        broken("no_stuck_tasks"),
    ),
    "prefetched, and the others come first": (
        "publish a ok; deliver a to v1 from q; wait 2; ack b by v1; wait 2; ack c by v1; wait 2; ack a by v1; effect a",
        held("no_stuck_tasks"),
    ),
    "prefetched, and never answered for by a consumer that gave up": (
        "publish a ok; deliver a to v2 from q; cancel q by v2; wait 10; close v2; redeliver a to v1 from q; effect a; ack a by v1",
        held("no_lost_tasks") | broken("no_stuck_tasks"),
    ),
    "unacknowledged for long by the operator who moves it": (
        "publish a ok; deliver a to operator from q; wait 10; resend a to p; ack a by operator; effect a",
        held("no_stuck_tasks", "replay_once"),
    ),
    "a queue with consumers that nobody is given from": (
        "; ".join([DONE, *["ready q 3 consumers 2"] * 7]),
        broken("no_stuck_tasks"),
    ),
    "a queue that fills while it is given from": (
        "; ".join([DONE, *["ready q 3 consumers 2"] * 5, "deliver b to v1 from q", "ack b by v1", *["ready q 9 consumers 2"] * 4]),
        held("no_stuck_tasks"),
    ),
    "a queue that gets shorter": (
        "; ".join([DONE, *(f"ready q {left} consumers 2" for left in range(9, 0, -1))]),
        held("no_stuck_tasks"),
    ),
    "a queue without consumers before the playbook has ended": (
        "; ".join([DONE, "phase playbook begin", *["ready q 3 consumers 0"] * 9, "phase playbook end exit 0"]),
        held("no_stuck_tasks", "playbook_succeeded"),
    ),
    "a queue without consumers after the playbook has ended": (
        "; ".join([DONE, "phase playbook begin", "phase playbook end exit 0", *["ready q 3 consumers 0"] * 9]),
        broken("no_stuck_tasks"),
    ),
    "a queue that no worker ever consumed": (
        "; ".join([DONE, "phase playbook begin", "phase playbook end exit 0", *["ready dead 3 consumers 0"] * 9]),
        held("no_stuck_tasks"),
    ),
    "a stream keeps what was consumed": (
        "; ".join([DONE, "declared queue q type stream", *["ready q 3 consumers 1"] * 9]),
        held("no_stuck_tasks"),
    ),
    "a queue that was not looked at for a while": (
        "; ".join([DONE, "ready q 3 consumers 1", "wait 30", "ready q 3 consumers 1"]),
        held("no_stuck_tasks"),
    ),
    "a queue stands still, and nobody knows whether it is a stream": (
        "; ".join([DONE, "without topology", *["ready q 3 consumers 2"] * 7]),
        inconclusive("no_stuck_tasks"),
    ),
    # Copies of one publish, a queue each
    "two consumers at work on their copies at once": (
        f"{COPIES.format('a')}; effect a; ack a by v1; ack a by v2",
        held("no_overlap", "no_lost_tasks", "replay_once", "no_stuck_tasks"),
    ),
    "a copy is replayed while the other consumer still works on its own": (
        f"{COPIES.format('b')}; effect b; ack b by v1; ack b by v2; {COPIES.format('a')}; reject a by v1; resend a to p; "
        "deliver a to v1 from p; effect a; ack a by v1; ack a by v2",
        held("no_overlap", "replay_once"),
    ),
    "a copy is given to two workers of its queue": (
        f"{COPIES.format('a')}; deliver a to v1.2 from p; effect a; ack a by v1; ack a by v2; ack a by v1.2",
        broken("no_overlap"),
    ),
    "published a second time, to another queue": (
        "publish a ok; send a to p; deliver a to v1 from p; send a to q; deliver a to v2 from q; effect a; ack a by v1; ack a by v2",
        broken("no_overlap"),
    ),
    "each consumer tries its copy three times": (
        f"{COPIES.format('a')}; {'requeue a by v1; requeue a by v2; deliver a to v1 from p; deliver a to v2 from q; ' * 2}"
        "effect a; ack a by v1; ack a by v2",
        held("bounded_redelivery"),
    ),
    "one consumer tries its copy six times": (
        f"{COPIES.format('a')}; {'requeue a by v1; deliver a to v1 from p; ' * 5}effect a; ack a by v1; ack a by v2",
        broken("bounded_redelivery"),
    ),
    "tried three times in one queue and three times in the next": (
        "publish a ok; send a to p; deliver a to v1 from p; requeue a by v1; deliver a to v1 from p; requeue a by v1; "
        "deliver a to v1 from p; reject a by v1; deliver a to v2 from q; requeue a by v2; deliver a to v2 from q; requeue a by v2; "
        "deliver a to v2 from q; effect a; ack a by v2",
        broken("bounded_redelivery"),
    ),
    # Poison
    "a worker fails on a task three times, and a fourth time it works": (
        f"publish a ok; {'; '.join([FAILED] * 4)}; deliver a to v1 from q; effect a; ack a by v1",
        held("poison_contained", "no_lost_tasks"),
    ),
    "a worker fails on a task for ever": (
        f"publish a ok; {'; '.join([FAILED] * 4)}; leftover a ready in q",
        broken("poison_contained", "no_stuck_tasks"),
    ),
    "a poison is dead-lettered": (
        f"publish a ok; {'; '.join([FAILED] * 4)}; leftover a dead in dead of delivery_limit",
        held("poison_contained", "bounded_redelivery"),
    ),
    "a poison takes an innocent task with it": (
        f"publish a ok; publish b ok; {'; '.join([CRASHED] * 4)}; leftover a dead in dead of delivery_limit; "
        "leftover b dead in dead of delivery_limit",
        broken("poison_contained"),
    ),
    "a poison brings its worker down, and the task behind it is done": (
        f"publish a ok; publish b ok; {'; '.join([CRASHED] * 4)}; leftover a dead in dead of delivery_limit; effect b",
        held("poison_contained"),
    ),
    "two poisons die, each of itself": (
        f"publish a ok; publish b ok; {'; '.join([CRASHED] * 4)}; deliver b to v1 from q; close v1; "
        "leftover a dead in dead of delivery_limit; leftover b dead in dead of delivery_limit",
        held("poison_contained"),
    ),
    "a worker is stopped four times with the same task in hand": (
        f"publish a ok; {'; '.join(['deliver a to v1 from q; close v1; stopped v1'] * 4)}; leftover a ready in q",
        held("poison_contained") | broken("no_stuck_tasks"),
    ),
    "a worker fails on a task while its link is cut": (
        f"publish a ok; fault cut begin of cut; {'; '.join([FAILED] * 4)}; fault cut cleared; leftover a ready in q",
        held("poison_contained"),
    ),
    "a poison keeps the stage from coming to rest": (
        f"publish a ok; phase settle begin; {'; '.join([FAILED] * 4)}; phase settle timeout",
        broken("poison_contained") | inconclusive("no_lost_tasks"),
    ),
    "a poison, and nobody could look where it remains": (
        f"publish a ok; phase settle begin; {'; '.join([FAILED] * 4)}; phase settle timeout; incomplete leftovers",
        inconclusive("poison_contained"),
    ),
    # Replays
    "replayed twice": (
        "publish a ok; resend a to q; resend a to q; deliver a to v1 from q; effect a; ack a by v1; deliver a to v1 from q; ack a by v1",
        held("no_duplicate_effects") | broken("replay_once"),
    ),
    "replayed, and replayed again after the playbook died between publish and acknowledgement": (
        f"publish a ok; deliver a to operator from dead; resend a to q; confirm a to operator; close operator; {TAKEN}; effect a",
        broken("replay_once"),
    ),
    "taken again after the playbook died, and not sent again": (
        "publish a ok; deliver a to operator from dead; resend a to q; close operator; "
        "deliver a to operator from dead; ack a by operator; effect a",
        held("replay_once"),
    ),
    "parked, then replayed": (
        "publish a ok; deliver a to operator from q; resend a to parked; ack a by operator; deliver a to operator from parked; "
        "resend a to q; ack a by operator; effect a",
        held("replay_once"),
    ),
    "moved to and fro, each time what was taken": (
        f"publish a ok; {'; '.join([TAKEN] * 3)}; effect a",
        held("replay_once"),
    ),
    "replayed again after a worker had refused it": (
        "publish a ok; resend a to q; deliver a to v1 from q; reject a by v1; resend a to q; effect a",
        held("replay_once"),
    ),
    "replayed again after a worker had acknowledged it without doing it": (
        "publish a ok; resend a to q; deliver a to v1 from q; ack a by v1; resend a to q; effect a",
        held("replay_once"),
    ),
    "replayed again after it was done": (
        "publish a ok; resend a to q; deliver a to v1 from q; effect a; ack a by v1; resend a to q; deliver a to v1 from q; ack a by v1",
        held("no_duplicate_effects") | broken("replay_once"),
    ),
    "sent again after the broker had refused it": (
        "publish a ok; resend a to q; refuse a to operator; resend a to q; confirm a to operator; effect a",
        held("replay_once"),
    ),
    "sent again after a fault dropped its confirm": (
        "publish a ok; resend a to q; confirm a to operator; tap lossy: confirm dropped of a by operator; close operator; "
        "resend a to q; confirm a to operator; effect a",
        held("replay_once"),
    ),
    "sent again although another's confirm was dropped": (
        "publish a ok; publish b ok; resend a to q; confirm a to operator; resend b to q; confirm b to operator; "
        "tap lossy: confirm dropped of b by operator; close operator; resend a to q; confirm a to operator; effect a; effect b",
        broken("replay_once"),
    ),
    "sent again after its confirm was swallowed by a link that was cut": (
        "publish a ok; fault gap begin of cut on operator -> broker; resend a to q; confirm a to operator; close operator; "
        "fault gap cleared of cut on operator -> broker; resend a to q; confirm a to operator; effect a",
        held("replay_once"),
    ),
    "sent again after its confirm had passed a link that was slow": (
        "publish a ok; fault mud begin of latency on operator -> broker; resend a to q; confirm a to operator; ack b by operator; "
        "resend a to q; confirm a to operator; fault mud cleared of latency on operator -> broker; effect a",
        broken("replay_once"),
    ),
    "sent again after it came back unroutable": (
        "publish a ok; resend a to q; return a to operator; confirm a to operator; resend a to q; confirm a to operator; effect a",
        held("replay_once"),
    ),
    "sent on by a worker that failed, and replayed each time": (
        "publish a ok; send a to q; resend a to q; send a to dead by v1; resend a to q; effect a",
        held("replay_once"),
    ),
    "two copies, both moved": (
        "publish a unknown; publish a ok attempt 2; resend a to q; resend a to q; effect a",
        held("replay_once"),
    ),
    # Order
    "in order": (
        f"publish b ok; effect b; {DONE}; send b to q; deliver b to v1 from q",
        held("order_kept"),
    ),
    "overtaken on its way": (
        "publish a ok; send a to q; send b to q; deliver b to v1 from q; deliver a to v1 from q; effect a",
        broken("order_kept"),
    ),
    "moved behind newer ones": (
        "publish a ok; send a to tasks through x; send b to tasks through x; deliver a to operator from p; deliver b to v1 from q; "
        "resend a to q; deliver a to v1 from q; effect a",
        broken("order_kept"),
    ),
    "spread over two queues by an exchange": (
        "publish a ok; declared exchange x type x-consistent-hash; send a to tasks through x; send b to tasks through x; "
        "deliver b to v1 from q; resend a to q; deliver a to v1 from q; effect a",
        held("order_kept"),
    ),
    "given back, and overtaken": (
        "publish a ok; send a to q; send b to q; deliver a to v2 from q; close v2; deliver b to v1 from q; "
        "redeliver a to v1 from q; effect a",
        held("order_kept"),
    ),
    "given first to a worker that died before the tap saw it, and overtaken": (
        "publish a ok; send a to q; send b to q; deliver b to v1 from q; redeliver a to v1 from q; effect a",
        held("order_kept"),
    ),
    "overtaken at another consumer": (
        "publish a ok; send a to q; send b to q; deliver b to v1 from q; deliver a to v1.2 from q; effect a",
        held("order_kept"),
    ),
    # Time and length
    "expired into the dead-letter queue": (
        "publish a ok; leftover a dead in dead of expired",
        broken("nothing_expired", "no_lost_tasks"),
    ),
    "pushed out of a full queue": (
        "publish a ok; leftover a dead in dead after rejected in q then maxlen in q",
        broken("nothing_expired"),
    ),
    "expired where it may": (
        "publish a ok; leftover a dead in dead after expired in cache, 2 times",
        held("nothing_expired"),
    ),
    "expired between two attempts, and refused at the last": (
        "publish a ok; leftover a dead in dead after expired in retry, 3 times then rejected in q, 4 times",
        held("nothing_expired"),
    ),
    "expired in silence, in a queue that may be the one where it may": (
        f"publish a ok; send a to q; {EXPIRED}",
        inconclusive("nothing_expired") | broken("no_lost_tasks", "no_silent_drop"),
    ),
    "something else expired in silence": (
        f"{DONE}; {EXPIRED}",
        held("nothing_expired"),
    ),
    # The workers' own table
    "completed": (
        f"{DONE}; state a completed",
        held("state_consistent"),
    ),
    "completed without an effect": (
        "publish a ok; state a completed",
        broken("state_consistent", "no_lost_tasks"),
    ),
    "failed, and done all the same": (
        f"{DONE}; state a failed",
        held("no_lost_tasks") | broken("state_consistent"),
    ),
    "executing for ever": (
        "publish a ok; state a executing by v2; stopped v2",
        broken("state_consistent"),
    ),
    "executing, and dead of it": (
        "publish a ok; state a executing; leftover a dead in dead of delivery_limit",
        held("state_consistent"),
    ),
    "queued, and it waits": (
        "publish a ok; state a queued; leftover a ready in q",
        held("state_consistent"),
    ),
    "queued, and nowhere": (
        "publish a ok; state a queued",
        broken("state_consistent"),
    ),
    "failed, and nowhere, since the table is where it remains": (
        "publish a ok; state a failed",
        held("state_consistent") | broken("no_lost_tasks"),
    ),
    "marked as failed, and still in its queue": (
        "publish a ok; state a failed; leftover a ready in q",
        broken("state_consistent"),
    ),
    "done, and not in the table": (
        "publish a ok; state b queued; publish b ok; leftover b ready in q; effect a",
        broken("state_consistent"),
    ),
    "in the table, and never sent": (
        "publish a ok; effect a; state a completed; state x queued",
        broken("state_consistent"),
    ),
    "completed at last": (
        "publish a ok; state a executing; effect a; state a completed",
        held("state_consistent"),
    ),
    # The rollback script's own ledger
    "rescheduled, and done once": (
        "publish a ok; decide a rescheduled; resend a to q; effect a",
        held("handled_as_decided"),
    ),
    "rescheduled although it was done": (
        "publish a ok; effect a by v2; decide a rescheduled; resend a to q; effect a",
        broken("handled_as_decided", "no_duplicate_effects"),
    ),
    "rescheduled, and done twice": (
        "publish a ok; decide a rescheduled; resend a to q; effect a; effect a",
        broken("handled_as_decided", "no_duplicate_effects"),
    ),
    "rescheduled, and not done": (
        "publish a ok; decide a rescheduled; resend a to q",
        broken("handled_as_decided"),
    ),
    "rescheduled, and not done as far as half-written effects tell": (
        "publish a ok; decide a rescheduled; resend a to q; half-written effects",
        inconclusive("handled_as_decided"),
    ),
    "marked failed, and done by what half-written effects tell": (
        "publish a ok; decide a failed; effect a; half-written effects",
        broken("handled_as_decided"),
    ),
    "marked failed, and set aside": (
        "publish a ok; decide a failed; state a failed; leftover a cancelled",
        held("handled_as_decided"),
    ),
    "marked failed, and then done": (
        "publish a ok; decide a failed; effect a by v2; state a completed",
        held("state_consistent") | broken("handled_as_decided"),
    ),
    "marked failed although it was done": (
        "publish a ok; effect a by v2; decide a failed; state a completed",
        broken("handled_as_decided"),
    ),
    "marked failed, and still in a queue": (
        "publish a ok; decide a failed; state a failed; leftover a ready in q",
        broken("handled_as_decided"),
    ),
    "marked failed, and the table does not say so": (
        "publish a ok; decide a failed; state a queued; leftover a cancelled",
        held("state_consistent") | broken("handled_as_decided"),
    ),
    "left, as it was done": (
        f"{DONE}; decide a left",
        held("handled_as_decided"),
    ),
    "left, and sent all the same": (
        f"{DONE}; decide a left; resend a to q",
        broken("handled_as_decided"),
    ),
    "decided, and the script died before it did it": (
        "publish a ok; decide a failed not done; leftover a cancelled",
        broken("handled_as_decided"),
    ),
    "decided twice": (
        f"{DONE}; decide a left; decide a left",
        broken("handled_as_decided"),
    ),
    "sent behind the ledger's back": (
        f"{DONE}; decide a left; publish b ok; resend b to q; effect b",
        broken("handled_as_decided"),
    ),
    "moved before anything was decided": (
        "publish b ok; resend b to q; effect b; publish a ok; effect a; decide a left",
        held("handled_as_decided"),
    ),
    "a script without a ledger": (
        f"{DONE}; without handled",
        inconclusive("handled_as_decided"),
    ),
    # The playbook
    "delivered to the version that is out": (
        f"{DONE}; step stop v2 begin; step stop v2 end; publish b ok; deliver b to v2 from q; ack b by v2; effect b by v1",
        broken("version_fence"),
    ),
    "the version that is out stays out": (
        f"step stop v2 begin; step stop v2 end; {DONE}; found queue q type quorum; declared queue q type quorum",
        held("version_fence", "topology_restored"),
    ),
    "a queue changed its type": (
        f"{DONE}; declared queue q type classic; found queue q type quorum",
        broken("topology_restored"),
    ),
    "a playbook that failed": (
        f"{DONE}; phase playbook begin; phase playbook end exit 1",
        broken("playbook_succeeded"),
    ),
    "done late": (
        "publish a ok; wait 20; effect a",
        held("no_lost_tasks") | broken("recovered", "unharmed"),
    ),
    # Those who are not rolled back, and those who publish
    "another type is done late": (
        "publish a ok; effect a; publish b ok as report; wait 20; effect b",
        held("unharmed"),
    ),
    "a type that must not notice was never done": (
        "publish a ok; publish b ok as report; effect b",
        broken("unharmed"),
    ),
    "a publish of a type that must not notice failed": (
        "publish a fail; publish b ok as report; effect b",
        broken("unharmed"),
    ),
    "a type that must not notice was never confirmed, and nothing tells of it": (
        "publish a unknown; publish b ok; effect b",
        held("unharmed"),
    ),
    "no task of the type that must not notice": (
        "publish b ok as report; effect b",
        inconclusive("unharmed"),
    ),
    "published within the grace": (
        f"{DONE}; step stop v2 begin; step stop v2 end; publish b ok; effect b",
        held("publish_fence"),
    ),
    "published after the grace": (
        f"{DONE}; step stop v2 begin; step stop v2 end; wait 2; publish b ok; effect b",
        broken("publish_fence"),
    ),
    "another type is published after the step": (
        f"{DONE}; step stop v2 begin; step stop v2 end; wait 9; publish b ok as report; effect b",
        held("publish_fence"),
    ),
    "the step is repeated, and nothing is published after that": (
        f"{DONE}; step stop v2 begin; step stop v2 end; wait 9; publish b ok; effect b; step stop v2 begin; step stop v2 end",
        held("publish_fence"),
    ),
    "skipped after the step, so nobody published it": (
        f"{DONE}; step stop v2 begin; step stop v2 end; wait 9; publish b skipped",
        held("publish_fence"),
    ),
    "tried again after the step": (
        f"publish b unknown; {DONE}; step stop v2 begin; step stop v2 end; wait 9; publish b ok attempt 2; effect b",
        broken("publish_fence"),
    ),
    "nothing was published before the step": (
        "publish a ok as report; effect a; step stop v2 begin; step stop v2 end",
        inconclusive("publish_fence"),
    ),
    "the step that ends publishing never ended": (
        f"{DONE}; step stop v2 begin; publish b ok; effect b",
        inconclusive("publish_fence"),
    ),
    # Evidence that is missing or incomplete
    "no ledger": (
        f"{DONE}; without published",
        inconclusive("no_lost_tasks", "conservation", "no_silent_drop", "no_stuck_tasks", "replay_once", "recovered", "state_consistent"),
    ),
    "no wire": (
        f"{DONE}; without wire",
        held("no_lost_tasks") | inconclusive("no_overlap", "bounded_redelivery", "no_silent_drop", "order_kept", "poison_contained"),
    ),
    "no effects": (
        f"{DONE}; without effects",
        inconclusive("no_duplicate_effects", "version_fence", "no_stuck_tasks", "nothing_expired", "replay_once"),
    ),
    "no leftovers": (
        f"{DONE}; without leftovers",
        inconclusive("outbox_empty", "drained", "conservation", "nothing_expired", "poison_contained") | held("no_duplicate_effects"),
    ),
    "no timeline": (
        f"{DONE}; without timeline",
        inconclusive("playbook_succeeded", "version_fence"),
    ),
    "no table of states": (
        f"{DONE}; without states",
        held("no_lost_tasks") | inconclusive("state_consistent"),
    ),
    "no metrics": (
        f"{DONE}; without metrics",
        held("no_lost_tasks") | inconclusive("nothing_expired"),
    ),
    "no topology": (
        f"{DONE}; without topology",
        held("no_stuck_tasks") | inconclusive("topology_restored", "order_kept"),
    ),
    "a half-written last line of the effects": (
        f"{DONE}; half-written effects",
        inconclusive("no_lost_tasks", "no_duplicate_effects"),
    ),
    "a half-written last line of the wire": (
        f"{DONE}; half-written wire",
        held("no_lost_tasks", "no_duplicate_effects") | inconclusive("no_overlap"),
    ),
    "waiting at the end, and the queues were read too early": (
        "publish a ok; leftover a ready in q; phase settle begin; phase settle timeout",
        inconclusive("no_stuck_tasks", "no_lost_tasks"),
    ),
}


def run(lines: str, verdicts: dict[str, Verdict]) -> Path:
    said = [(text, _APART.fullmatch(text)) for text in lines.split("; ") if text]
    apart = [(match[1], match[2].split()) for _, match in said if match]
    sources = {name: {"query": "select 1"} for how, names in apart if how == "sources" for name in names}
    folder = history(
        *(text for text, match in said if not match),
        invariants={name: PARAMETERS.get(name) for name in verdicts},
        sections=SECTIONS | ({"effects": {"sources": sources}} if sources else {}),
        without=[stem for how, stems in apart if how == "without" for stem in stems],
        empty=tuple(FILES),
    )
    for stem in (stem for how, stems in apart if how == "half-written" for stem in stems):
        with (folder / f"{stem}.jsonl").open("a") as file:
            file.write('{"at": 17')
    return folder


@pytest.mark.parametrize(("lines", "verdicts"), HISTORIES.values(), ids=HISTORIES)
def test_a_history_is_judged(lines: str, verdicts: dict[str, Verdict]) -> None:
    judgement = judge(run(lines, verdicts))
    assert {name: judgement[name].verdict for name in verdicts} == verdicts


def test_every_invariant_is_seen_held_broken_and_inconclusive() -> None:
    seen = {(name, verdict) for _, verdicts in HISTORIES.values() for name, verdict in verdicts.items()}
    assert {(name, verdict) for name in catalogue() for verdict in Verdict} - seen == set()
