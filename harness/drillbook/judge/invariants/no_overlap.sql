-- no_overlap: No task is in flight in two places at once.
-- needs: wire
-- parameter tolerance: duration = 0s (how long two deliveries of a task may overlap)
-- in words: 1 task was in flight in two places at once | {count} tasks were in flight in two places at once
--
-- A delivery is in flight from when the tap saw it until it was acknowledged or refused, or its channel or connection closed. A second
-- delivery of the task on another channel before that is an overlap: two workers may do it at once. What the playbook takes to move it
-- does not count: it publishes first and acknowledges then, as it should. Nor do the copies that the broker makes of one publish for
-- several queues: consumers of different queues may work side by side on a message that both of them subscribe to. Which queues these are
-- the wire tells: a task that was published once was acknowledged in both.
--
-- Known limits. A worker whose connection the broker closed may still be at work: the wire calls that no overlap, no_duplicate_effects
-- sees what comes of it. A broker that closes a connection puts its tasks back before the tap reads of it, so a redelivery up to a second
-- before the close is none. A worker that retries by publishing a copy before it acknowledges needs a `tolerance`. Copies that were
-- published past the wire tap, through the management API or by a shovel, look like those that the broker makes.
--
-- A finding:
--
--     charge-000037  Delivered to workers.v1.2 while workers.v2.1 still had it.  (step "replay")
with many as (from given_again),
again as (
  select *, coalesce(released_seq, 9223372036854775807) as until_seq from delivered_of('many')
  where task is not null and peer is distinct from 'operator'
),
overlapping as (
  select two.task, two.seq, two."at", one.peer as holder, two.peer as next_holder
  from again as one join again as two on one.task = two.task and one.seq < two.seq and two.seq < one.until_seq
  where (one.connection, one.channel, coalesce(one.peer, '')) <> (two.connection, two.channel, coalesce(two.peer, ''))
    and (coalesce(one.queue, ''), coalesce(two.queue, '')) not in (select (queue, other) from subscriptions)
    and not (two.redelivered and coalesce(one.released_by, '') = 'close' and one.released_at - two."at" <= 1000000000)
    and least(coalesce(one.released_at, (select max("at") from wire)), coalesce(two.released_at, (select max("at") from wire)))
        - two."at" >= $tolerance
),
first_overlap as (select task, min("at") as "at", arg_min({holder: holder, next_holder: next_holder}, seq) as who from overlapping group by task),
republished as (
  select first_overlap.task, max(wire."at") as "at"
  from first_overlap join wire on wire.task = first_overlap.task and event = 'publish' and peer = 'operator' and wire."at" <= first_overlap."at"
  group by first_overlap.task
)
select task, format('Delivered to {} while {} still had it.', coalesce(who.next_holder, 'a consumer'), coalesce(who.holder, 'another')) as why,
       coalesce(step_at(republished."at"), step_at(first_overlap."at")) as step
from first_overlap left join republished using (task);
