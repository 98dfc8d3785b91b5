-- stops: when a container stopped, was killed or died.
create view stops as
select name, "at", state from timeline where event = 'container' and state in ('stopped', 'killed', 'died');

-- last_seen: the last the wire shows of every confirmed task that was not done.
create view last_seen as
with undone as (select task from tasks where outcome = 'ok' and effects = 0)
select task,
       arg_max({event: event, peer: peer, moment: "at", back: coalesce(requeue, event = 'nack')}, seq) as what,
       coalesce(arg_max(queue, seq) filter (event = 'deliver'),
                arg_max(routing_key, seq) filter (event = 'publish' and exchange = '')) as queue
from wire semi join undone using (task)
where event in ('publish', 'deliver', 'ack', 'nack', 'reject')
group by task;

-- vanished: every confirmed task that left no effect and remains nowhere, and where it went wrong.
create table vanished as
with missing as (
  select tasks.task, tasks.confirmed_at, tasks.missing_from, what.event as event, what.peer as peer, what.back as back, queue,
         coalesce(what.moment, confirmed_at) as seen_at
  from tasks left join last_seen using (task)
  where outcome = 'ok' and effects = 0 and remains_in is null
),
taken as (  -- a consumer answered for it: it went wrong where that consumer was stopped, or else where it answered
  select missing.task, coalesce(step_at(min(stops."at")), step_at(any_value(seen_at))) as step,
         any_value(coalesce(peer, 'A consumer')
                   || case when event = 'ack' then format(' acknowledged it, but it {} and remains nowhere.', left_no_effect(missing_from))
                           else ' refused it without putting it back, and it remains nowhere.' end) as why
  from missing left join stops on stops.name = peer and stops."at" >= seen_at and event = 'ack'
  where event = 'ack' or (event in ('nack', 'reject') and not back)
  group by missing.task
),
dropped as (  -- the first step after it was last seen in which its queue, or any where that is not known, came up short
  select missing.task, arg_min({queue: queue_drops.queue, step: step, short: short, gone: not still_there},
                               {end_at: end_at, queue: queue_drops.queue}) as drop
  from missing join queue_drops on queue_drops.end_at >= seen_at and queue_drops.queue = coalesce(missing.queue, queue_drops.queue)
  where missing.task not in (select task from taken)
  group by missing.task
)
select missing.task,
       coalesce(taken.why,
         case when drop is null then format('It was confirmed, but {} and remains nowhere.', left_no_effect(missing_from))
              else format('It was confirmed and {}; the queue {} {}.', case when len(missing_from) > 0 then left_no_effect(missing_from) else 'not done' end,
                          drop.queue, case when drop.gone then format('went away with at least {} in it', counted(drop.short))
                                           else format('came up at least {} short', counted(drop.short)) end) end) as why,
       coalesce(taken.step, drop.step) as step
from missing left join taken using (task) left join dropped using (task);
