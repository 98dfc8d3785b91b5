-- no_stuck_tasks: No task stays where nothing moves it.
-- needs: published, wire, effects, leftovers, counters
-- needs complete: nothing
-- parameter within: duration = 30s (how long tasks may stand still; longer than the longest task takes)
-- parameter allow: list[text] = [] (queues where tasks may stand still: parking queues)
-- in words: 1 task is stuck | {count} tasks are stuck
-- in words unacknowledged: 1 task was left unacknowledged by a consumer that did nothing | {count} tasks were left unacknowledged by consumers that did nothing
-- in words queue: 1 queue stood still | {count} queues stood still
--
-- Three ways to be stuck:
--
-- 1. At the end, when everything has settled, a task that was not done waits in a queue, or a consumer still has it unacknowledged. Dead letters, tasks
--    in a delay queue, cancelled ones and those of an outbox are not for this invariant.
-- 2. A worker had a task for longer than `within`, and its channel answered for no task at all in that time. A worker with many prefetched
--    tasks that works on them one by one has the last for long, and is at work.
-- 3. A queue with waiting tasks and with consumers was not delivered from, and did not get shorter, for longer than `within`; or a queue
--    had waiting tasks and no consumer for longer than `within`, after the playbook had ended. Only queues that workers consume count, and
--    no streams: a stream keeps what was consumed from it (`topology.jsonl` says which are streams).
--
-- Time in which a fault is in effect does not count: `within` begins anew when it has cleared. What stood still while the machine was starved
-- (2 and 3) gives `inconclusive`. What the playbook has taken to move it
-- does not count before the end. Blamed is the step that sent the task there; or in which its worker was paused, or gave up consuming; or
-- else the one that ran when it stood still first.
--
-- Known limits. A delivery that the wire tap does not see (a consumer on a link of its own) is not seen to move anything. A worker that
-- does many tasks at once and has lost one of them answers for the others: that task is found at the end.
--
-- A finding:
--
--     charge-000037  With workers.v2.1 for 64.2 s, in which it acknowledged or refused nothing; 30.0 s are allowed.  (step "pause v2")
with windows as (  -- a fault is in effect
  select begin_at, coalesce(cleared_at, case when kind = 'kill' then begin_at + 1 end, 9223372036854775807) as end_at
  from faults join (select name, any_value(kind) as kind from timeline where event = 'fault' group by name) using (name)
  where begin_at is not null
),
clear_from as (
  select 0::bigint as begin_at union select end_at from windows
),
clear as (  -- no fault is in effect
  select begin_at, coalesce((select min(windows.begin_at) from windows where windows.begin_at >= clear_from.begin_at),
                            9223372036854775807) as end_at
  from clear_from
  where not exists (select 1 from windows where windows.begin_at < clear_from.begin_at and clear_from.begin_at < windows.end_at)
),
over as (select max("at") as "at" from wire),

-- 2. Channels that have something unacknowledged and answer for nothing. First roughly, by slices of half of `within`, as it is rare.
answers as (
  select seq, "at", event, requeue, task, peer, queue, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire where event in ('deliver', 'ack', 'nack', 'reject') and peer is distinct from 'operator'
),
ends as (
  select seq, "at", coalesce(connection, -1) as connection, channel from wire where event = 'close'
),
cancels as (
  select seq, "at", queue, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel from wire where event = 'cancel'
),
slices as (
  select connection, channel, "at" // greatest($within // 2, 1) as slice, count(*) filter (event = 'deliver') as taken,
         count(*) filter (event <> 'deliver') as answered
  from answers group by all
),
slow as (
  select distinct connection, channel
  from (
    select connection, channel, slice, sum(taken - answered) over (partition by connection, channel order by slice) as holds,
           lead(slice) over (partition by connection, channel order by slice) as next_slice,
           lead(answered) over (partition by connection, channel order by slice) as next_answered
    from slices
  )
  where holds > 0 and (next_slice is null or next_slice > slice + 1 or next_answered = 0)
),
suspects as (select answers.* from answers semi join slow using (connection, channel)),
taken as (select * from suspects where event = 'deliver' and task is not null),
answered as (select * from suspects where event <> 'deliver'),
held as (select those.*, least(released_at, over."at") as until_at from over, let_go('taken', 'answered') as those),
silences as (
  select connection, channel, coalesce(lag("at") over (partition by connection, channel order by seq), 0) as begin_at, "at" as end_at
  from suspects where event <> 'deliver'
  union all
  select connection, channel, coalesce(max("at") filter (event <> 'deliver'), 0), 9223372036854775807
  from suspects group by connection, channel
),
held_still as (
  select held.task, held.seq, peer, held.connection, held.channel,
         greatest(held."at", silences.begin_at, clear.begin_at) as begin_at, least(until_at, silences.end_at, clear.end_at) as end_at
  from held
  join (select * from silences where end_at - begin_at > $within) as silences using (connection, channel)
  join clear on clear.end_at > held."at"
  where least(until_at, silences.end_at, clear.end_at) - greatest(held."at", silences.begin_at, clear.begin_at) > $within
),
held_blamed as (
  select held_still.*, min(pauses."at") as paused_at, min(cancels."at") as cancelled_at
  from held_still
  left join (select name, "at" from timeline where event = 'container' and state = 'paused') as pauses
    on pauses.name = peer and pauses."at" between held_still.begin_at and held_still.end_at
  left join cancels
    on cancels.connection = held_still.connection and cancels.channel = held_still.channel and cancels.seq > held_still.seq
      and cancels."at" <= held_still.end_at
  group by all
),

-- 3. Queues that workers consume, with waiting tasks.
work_queues as (
  select distinct queue from wire
  where event in ('consume', 'deliver') and starts_with(peer, 'workers.') and not list_contains($allow, queue)
    and queue not in (select name from topology where kind = 'queue' and field = 'type' and value = '"stream"')
),
samples as (
  select queue, "at", ready, consumers,
         case when ready > 0 and consumers > 0 then 'served'
              when ready > 0 and consumers = 0 and "at" >= (select end_at from phases where name = 'playbook') then 'alone' end as way
  from counters semi join work_queues using (queue)
),
spans as (  -- samples more than 5 s apart say nothing of what was between
  select *, coalesce(way = lag(way) over ordered and ready >= lag(ready) over ordered
                     and "at" - lag("at") over ordered <= 5000000000, false) as goes_on
  from samples window ordered as (partition by queue order by "at", ready, consumers)
),
numbered as (
  select *, count(*) filter (not goes_on) over (partition by queue order by "at", ready, consumers rows unbounded preceding) as span
  from spans
),
waits as (
  select queue, span, way, min("at") as begin_at, max("at") as end_at, arg_min(ready, "at") as ready, arg_min(consumers, "at") as consumers
  from numbered where way is not null group by queue, span, way having max("at") - min("at") > $within
),
moves as (
  select waits.queue, span, wire."at" from waits join wire using (queue) where event = 'deliver' and wire."at" between begin_at and end_at
  union all
  select waits.queue, span, wire."at" from waits, wire
  where event = 'deliver' and wire.queue is null and wire."at" between begin_at and end_at
  union all select queue, span, begin_at from waits
  union all select queue, span, end_at from waits
),
edges as (  -- of slices of a tenth of a second only the first and the last move
  select queue, span, unnest([min("at"), max("at")]) as "at" from moves group by queue, span, "at" // 100000000
),
pauses as (
  select queue, span, "at" as begin_at, lead("at") over (partition by queue, span order by "at") as end_at from edges
),
queue_still as (
  select queue, way, ready, consumers, greatest(pauses.begin_at, clear.begin_at) as begin_at, least(pauses.end_at, clear.end_at) as end_at
  from waits join (select * from pauses where end_at is not null) as pauses using (queue, span)
  join clear on least(pauses.end_at, clear.end_at) - greatest(pauses.begin_at, clear.begin_at) > $within
),
first_still as (select unnest(arg_min(queue_still, begin_at)) from queue_still group by queue, way),

-- 1. What waits or is unacknowledged at the end.
consumers_gone as (  -- when the last of a queue's consumers went away
  select consumes.queue, max(least(cancels."at", closing."at", ending."at")) as "at"
  from (select seq, queue, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
        from wire where event = 'consume' and starts_with(peer, 'workers.')) as consumes
  asof left join cancels
    on consumes.connection = cancels.connection and consumes.channel = cancels.channel and consumes.queue = cancels.queue
      and consumes.seq < cancels.seq
  asof left join (select * from ends where channel is not null) as closing
    on consumes.connection = closing.connection and consumes.channel = closing.channel and consumes.seq < closing.seq
  asof left join (select * from ends where channel is null) as ending
    on consumes.connection = ending.connection and consumes.seq < ending.seq
  group by consumes.queue
),
left_behind as (
  select leftovers.task, min({state: state, queue: leftovers.queue, holder: holder}) as place
  from leftovers join tasks using (task)
  where state in ('ready', 'unacked') and effects = 0 and not list_contains($allow, coalesce(leftovers.queue, ''))
  group by leftovers.task
),
sent_there as (
  select task, max("at") as "at" from wire semi join left_behind using (task) where event = 'publish' and peer = 'operator' group by task
),
held_longest as (select task, arg_max(held_blamed, end_at - begin_at) as hold from held_blamed group by task),
doubts as (select not complete('wire') or (declared('faults') and not complete('timeline')) as incomplete)

select task, format('It {}, and nothing moves it.', case when place.state = 'unacked' and place.holder is not null
                    then format('is still unacknowledged by {}', place.holder) else remaining(place.state, place.queue) end) as why,
       coalesce(step_at(sent_there."at"), step_at(hold.paused_at), step_at(hold.cancelled_at), step_at(consumers_gone."at")) as step,
       null as kind, not complete('leftovers') or not complete('effects') as inconclusive
from left_behind left join sent_there using (task) left join held_longest using (task)
left join consumers_gone on consumers_gone.queue = place.queue
union all
select task, format('With {} for {}, in which it acknowledged or refused nothing; {} are allowed.', coalesce(hold.peer, 'a consumer'),
                    seconds_of(hold.end_at - hold.begin_at), seconds_of($within)) || coalesce(' And ' || busy || '.', ''),
       coalesce(step_at(hold.paused_at), step_at(hold.cancelled_at), step_at(hold.begin_at)),
       'unacknowledged', incomplete or busy is not null
from doubts, (select *, starved(hold.begin_at, hold.end_at) as busy from held_longest) where task not in (select task from left_behind)
union all
select null, format('The queue {} had {} waiting and {}; {} are allowed.', queue, counted(ready),
                    case way when 'served' then format('{} on it, and nothing was delivered from it for {}',
                                                       case consumers when 1 then 'a consumer' else format('{} consumers', consumers) end,
                                                       seconds_of(end_at - begin_at))
                             else format('no consumer for {} after the playbook had ended', seconds_of(end_at - begin_at)) end,
                    seconds_of($within)) || coalesce(' And ' || busy || '.', ''),
       coalesce(case when way = 'alone' then step_at(consumers_gone."at") end, step_at(first_still.begin_at)),
       'queue', incomplete or busy is not null or exists (select 1 from evidence where name = 'topology' and state = 'missing')
from doubts, (select *, starved(begin_at, end_at) as busy from first_still) as first_still left join consumers_gone using (queue);
