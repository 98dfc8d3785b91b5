"""``wire.jsonl``: what passed the wire tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from drillbook.evidence.kind import Kind

WireEvent = Literal[
    "publish",
    "confirm",
    "return",
    "deliver",
    "ack",
    "nack",
    "reject",
    "consume",
    "cancel",
    "open",
    "close",
    "purge",
    "delete",
    "select",
    "commit",
    "rollback",
    "flow",
    "blocked",
    "unblocked",
    "fault",
    "refused",
    "incomplete",
    "alive",
    "start",
    "end",
]


@dataclass(frozen=True, slots=True)
class Wire:
    """One AMQP event seen by the tap."""

    seq: Annotated[int, "counts the lines from 1; a gap means that lines may be missing"]
    at: Annotated[int, "when the tap saw it"]
    event: Annotated[WireEvent, "what passed"]
    link: Annotated[str | None, "the link it passed, such as `workers.v2.1 -> broker`"] = None
    peer: Annotated[str | None, "the client's end: `workers.v2.1`, `load`, `operator`"] = None
    version: Annotated[str | None, "the version of a worker's end"] = None
    connection: Annotated[int | None, "counts the tap's connections from 1"] = None
    channel: Annotated[int | None, "the channel of the connection"] = None
    task: Annotated[str | None, "the task's id"] = None
    queue: Annotated[str | None, "the queue consumed from, purged or deleted"] = None
    exchange: Annotated[str | None, "the exchange published to"] = None
    routing_key: Annotated[str | None, "as published"] = None
    redelivered: Annotated[bool | None, "of a deliver: the broker's flag"] = None
    requeue: Annotated[bool | None, "of a nack or reject: whether the task goes back"] = None
    ok: Annotated[bool | None, "of a confirm: acknowledged, not refused; of flow: on, not off"] = None
    count: Annotated[
        int | None,
        "of purge and delete: messages that went with it, as the broker answered; of a fault's `disarmed`: how many messages of "
        "its kind passed while it was armed",
    ] = None
    rule: Annotated[str | None, "of fault: the name of the fault whose rule it was"] = None
    reason: Annotated[str | None, "of a return or a close: as the broker or client says it; of fault: what was done"] = None
    elsewhere: Annotated[
        str | None,
        "of a deliver without a `task`, of the first 50 from each queue: a JSON object of the usual places where something "
        'stands that could be an id, such as `{"body:$.message_id": "charge-000001"}`',
    ] = None


_GAP = """
select case when starts > 1 then 'the wire tap was started again, and what passed meanwhile was not seen'
            when unread is not null then 'the wire tap could not read all of ' || unread
            when ended is null or ended <> newest then 'the wire tap was not seen to end'
            when numbers <> lines or oldest > 1 or newest - oldest + 1 <> lines then 'the wire tap''s sequence has gaps' end
from (select count(*) as lines, count(distinct seq) as numbers, min(seq) as oldest, max(seq) as newest,
             max(seq) filter (event = 'end') as ended, min(coalesce(link, 'a connection')) filter (event = 'incomplete') as unread,
             count(*) filter (event = 'start') as starts
      from wire)
"""

_MOMENTS = """
select task, "at", case event when 'publish' then 1 when 'deliver' then 2 else 4 end, seq, 'wire',
       case event
         when 'publish' then 'published by ' || coalesce(peer, 'a client')
                             || coalesce(' to ' || coalesce(nullif(exchange, ''), routing_key), '')
         when 'confirm' then case when ok is false then 'refused to ' else 'confirmed to ' end || coalesce(peer, 'a client')
         when 'return' then 'returned as unroutable to ' || coalesce(peer, 'a client') || coalesce(': ' || reason, '')
         when 'deliver' then 'delivered to ' || coalesce(peer, 'a consumer')
                             || case when version_of(null, peer) is null then coalesce(' (' || version || ')', '') else '' end
                             || coalesce(' from ' || queue, '') || case when redelivered then ', redelivered' else '' end
         when 'ack' then 'acknowledged by ' || coalesce(peer, 'a consumer')
         when 'fault' then 'the fault "' || coalesce(rule, '') || '" meets it: ' || coalesce(reason, 'something was done')
                           || coalesce(' at ' || peer, '')
         else 'refused by ' || coalesce(peer, 'a consumer')
              || case when coalesce(requeue, event = 'nack') then ' and put back' else ' and not put back' end end,
       case event when 'publish' then 'send' when 'confirm' then case when ok is false then 'fail' else 'keep' end when 'return' then 'fail'
         when 'deliver' then 'take' when 'ack' then 'settle'
         when 'nack' then case when coalesce(requeue, true) then 'back' else 'refuse' end
         when 'reject' then case when requeue then 'back' else 'refuse' end end,
       peer, coalesce(queue, case when exchange = '' then routing_key end), connection, channel
from told_wire
where event in ('deliver', 'ack', 'nack', 'reject', 'fault')
   or (event in ('publish', 'confirm', 'return') and ($whole or peer is distinct from 'load'))
union all
select deliveries_of.task, wire."at", 4, wire.seq, 'wire',
       'the ' || case when wire.channel is null then 'connection' else 'channel' end || ' of ' || coalesce(wire.peer, 'a consumer')
         || ' ended' || coalesce(': ' || reason, ''),
       'end', wire.peer, null, wire.connection, wire.channel
from told_wire as wire
join deliveries_of on wire.event = 'close' and wire.connection = deliveries_of.connection and wire.seq > deliveries_of.seq
     and (wire.channel is null or wire.channel is not distinct from deliveries_of.channel)
union all
select told.task, wire."at", 4, seq, 'wire',
       coalesce(peer, 'a client') || case event when 'purge' then ' purged ' else ' deleted ' end || queue
         || coalesce(' with ' || counted("count") || ' in it', ''),
       'gone', null, queue, null, null
from told_wire as wire, told where event in ('purge', 'delete')
"""


KIND = Kind(
    20,
    Wire,
    about="what passed the wire tap",
    page="""\
One AMQP event as the tap saw it, between the proxies and the broker. The worker has no part in it.

@FIELDS@

| event | when its line is written |
|---|---|
| `open`, `close` | a connection or a channel is open, or has ended: the reason is the closing side's code and text, or `connection lost (client)`, `(broker)`, `(the drill)`; a connection's `close` comes after those of its channels |
| `publish` | the whole message has passed to the broker |
| `confirm`, `return` | the broker has sent it; one line for each task that it covers |
| `consume`, `cancel` | the broker has answered, or at once where no answer is wanted; a `cancel` of the broker's own has the reason `by the broker` |
| `deliver` | the whole message has come from the broker, by `basic.deliver` or `basic.get-ok` |
| `ack`, `nack`, `reject` | it has passed to the broker; one line for each delivery that it settles (`multiple`), none for a tag that the broker does not know. `no_ack`: the delivery needed none. `basic.recover`, `its channel was closing`: the broker takes it back by itself |
| `select`, `commit`, `rollback` | the broker has answered |
| `purge`, `delete` | the broker has answered, with its `count`; `nowait`: it was asked not to, and there is no count |
| `flow` | the broker has stopped or started a publisher, or deliveries (`asked for by the client`) |
| `blocked`, `unblocked` | the broker takes nothing more of this connection, or does again |
| `refused` | the broker could not be reached for a connection |
| `fault` | a rule of a fault did something, as below |
| `start`, `alive`, `end`, `incomplete` | the tap's own: it listens; every second; it was stopped in order; it cannot read a connection any further, and still carries it |

- **Clock and order.** One process sees all connections and numbers the lines as it reads. `at` is when it read the bytes: lines of one
  read share it. What a publish or a settlement causes on another connection stands after it: its line is written when it passes to the
  broker, not when the broker answers. What is done to a whole queue is told with its count, and so when it is answered.
- **Transactions.** Between `tx.select` and `tx.commit` the broker does nothing: `publish`, `ack`, `nack` and `reject` have their lines when
  the client's `tx.commit` passes, in their order, and `commit` follows when the broker has answered. Without that line it may have done
  them or not, as with a publish that nothing confirms. What is rolled back, or ends with its channel, has no line; deliveries that were
  settled in it are unacknowledged again, and not delivered again.
- **The end of a delivery.** Each `deliver` ends in one `ack`, `nack` or `reject`, or in the `close` of its channel. One without is still
  unacknowledged when the file ends.
- **Ids.** `task` is read where `stage.id_from` says: a property, a header, or a string or whole number in a JSON body of at most 1 MiB
  (`body:$.order.items[0].id`). A message without one has no `task`; of the first such deliveries `elsewhere` says what stands in
  `message_id`, `correlation_id`, some headers (`header:id`, `header:task_id` …) and keys of a JSON body (`body:$.id`,
  `body:$.message_id` …), in so far as it has at most 255 characters.
- **Incomplete.** The tap carries what it cannot read, and says `incomplete` once a connection. A file without `end` is incomplete after its last line. A
  tap that was started again goes on with the file and with the numbers of its connections, and leaves out one `seq` before its second
  `start`: what passed last before it may have no line. No connection is older than the tap, since it carries them all.
- **Faults.** Every line tells what the broker knows: what a rule keeps from it has no line until it is let go; what the broker sends has
  its line when it is sent, whether the client gets it or not. The `reason` of a `fault` is `armed` or `disarmed`; `ack dropped`, `ack held`,
  `ack let go` (or `publish`, `confirm`, `deliver`, `nack`, `reject`, `commit`); `channel closed`; `connection severed`. One line is one message:
  its `task` is the rule's, or the last of those it covers. What the tap keeps back when its connection ends is `dropped`, and all behind it with it.
""",
    complete="by itself",
    gap=_GAP,
    told="who had it",
    moments=_MOMENTS,
    latest="at",
    older={"event": {"blind": "incomplete"}},
)
