-- conservation: Confirmed tasks = done + dead-lettered + queued + cancelled; nothing else is there, and nothing went astray.
-- needs: published, effects, leftovers
-- needs complete: effects, leftovers
-- in words: 1 task is lost | {count} tasks are lost
-- in words stranger: 1 task appeared that nobody sent | {count} tasks appeared that nobody sent
-- in words dropped: messages were dropped in 1 place | messages were dropped in {count} places
--
-- Every confirmed task is found somewhere: done, dead, queued or cancelled. And every task that is found was sent: one in the effects
-- or the leftovers that the ledger does not know, or knows as never sent, and that nobody else was seen to publish either, was made up on
-- the way (a mangled id, a replay of old messages past the tap). Where a task ought to remain is for no_lost_tasks to say.
--
-- Where the broker's metrics were read, it is asked the same queue by queue: what was published to a queue was acknowledged, or remains in
-- it, or went on to another as a dead letter. What is short was purged, expired, refused, over a limit, or dead-lettered to nowhere; the
-- broker counts most of the reasons, though not a purge. And what an exchange could not route was dropped. This also finds messages that
-- the ledger does not know (a worker's own) and tasks whose publish was never confirmed. It is no finding when only copies went away: each
-- task that passed the wire was done or remains somewhere, and nothing unknown was published.
--
-- Known limits. A counter that was reset (the broker was restarted, the queue made anew) is not judged; nor are streams, queues that
-- refuse publishes at their limit, and brokers that also speak another protocol than AMQP 0-9-1. A dead letter that arrives in two queues
-- can hide another that is lost.
--
-- Findings:
--
--     charge-000412  It was confirmed and not done; the queue tasks.v2 went away with at least 412 tasks in it.  (step "delete v2 queue")
--     412 messages left tasks.v2 without an acknowledgement: for no reason that the broker counts, as when a queue is purged.
with found as (
  select task, min("at") as "at", 'It was done' as what from effects group by task
  union all
  select task, null, min(format('It {}', remaining(state, queue))) from leftovers group by task
),
never_sent as (
  select found.task, min(what) as what, min(found."at") as "at", any_value(outcome) as outcome
  from found left join tasks using (task)
  where never_sent(outcome, sent_at)
  group by found.task
),
strangers as (  -- what a worker, a scheduler or the operator was seen to publish is no stranger
  select * from never_sent anti join (select task from wire semi join never_sent using (task) where event = 'publish') as seen using (task)
),
astray as (  -- publishes of what is found nowhere, or of what the ledger does not know; asked only where the broker dropped something
  select coalesce(exchange, '') as exchange, wire."at", tasks.task is null as unknown, peer
  from wire cross join (select 1 from dropped limit 1) left join tasks on wire.task = tasks.task
  where event = 'publish' and ((tasks.task is null and complete('published')) or (outcome in ('ok', 'unknown') and effects = 0 and remains_in is null))
),
judged as (
  select dropped.*, first_at, (select count(*) from vanished) > 0 or (kind = 'queue' and exists (select 1 from astray)) or first_at is not null as sure,
         kind = 'exchange' and complete('wire') and first_at is null as harmless
  from dropped left join (
    select exchange, min("at") as first_at from astray where not unknown or peer in ('load', 'operator') group by exchange
  ) as ways on kind = 'exchange' and place = ways.exchange
)
select task, why, step, null as kind, false as inconclusive from vanished
union all
select task, format('{}, but {}.', what, unsent(outcome)), step_at("at"), 'stranger',
       not complete('published') or (outcome is null and not complete('wire'))
from strangers
union all
select null, why, coalesce(step, step_at(first_at)), 'dropped', not sure
from judged where not harmless and (sure or not complete('wire'))
union all
select null, reason, null, 'dropped', true from metrics_doubt;
