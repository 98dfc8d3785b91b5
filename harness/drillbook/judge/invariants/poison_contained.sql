-- poison_contained: A task on which workers fail again and again is set aside, and takes no other task with it.
-- needs: published, wire, effects, leftovers
-- needs complete: nothing
-- parameter most: int = 3 (how often workers may fail on a task before it must be set aside)
-- in words: 1 task made workers fail and was not set aside | {count} tasks made workers fail and were not set aside
-- in words innocent: 1 task was dead-lettered because of a poison task | {count} tasks were dead-lettered because of poison tasks
--
-- A worker failed on a task when it put the task back (nack or reject with requeue), or when its channel closed, and it had no older task
-- unacknowledged on that channel: of what it had prefetched, the task in hand is the oldest. Ends that the drill itself made do not count:
-- while a fault is in effect, and where deployment, playbook or harness stopped the worker before it was delivered anything again.
--
-- A task on which workers failed more than `most` times is poison. It must remain dead-lettered or cancelled at the end, or have been done after all.
-- And no other task may die with it: one that is dead-lettered because of its delivery limit, was not done, and on which no worker ever failed,
-- was with a worker that failed on another. A prefetch of 1 keeps them apart.
--
-- A stage that cannot come to rest because of the poison leaves effects and leftovers incomplete. A task on which workers failed more than
-- `most` times while it settled, with every fault cleared and the playbook over, counts all the same.
--
-- Known limits. The wire does not tell what a worker that does several tasks at once failed on: the oldest is blamed, so that an innocent
-- task may be missed, or one that was old each time be called poison. A delivery that the wire tap does not see is not counted.
--
-- A finding:
--
--     charge-000009  Workers failed on it 41 times, the first was workers.v1.1, and it still waits in tasks.v1.  (step "start v1")
with fell as (  -- dead because of the delivery limit
  select distinct task from leftovers where state = 'dead' and contains(coalesce(history, reason), 'delivery_limit')
),
doubtful as (
  select task from wire
  where event = 'deliver' and task is not null and peer is distinct from 'operator' group by task having count(*) > $most
  union select task from fell
),
answers as (
  select seq, "at", event, task, peer, requeue,
         coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire
  where event in ('deliver', 'ack', 'nack', 'reject') and peer is distinct from 'operator' and task is not null
    and (coalesce(connection, -1), coalesce(channel, -1)) in (
      select distinct coalesce(connection, -1), coalesce(channel, -1) from wire semi join doubtful using (task)
      where event = 'deliver' and peer is distinct from 'operator')
),
taken as (select * from answers where event = 'deliver'),
answered as (select * from answers where event <> 'deliver'),
released as (
  select task, peer, seq, connection, channel,
         {seq: released_seq, moment: released_at, how: case when released_by = 'close' then 'close' when went_back then 'back' else 'kept' end} as release
  from let_go('taken', 'answered')
),
in_order as (
  select *, coalesce(max(coalesce(release.seq, 9223372036854775807)) over earlier, 0) < release.seq as oldest
  from released
  window earlier as (partition by connection, channel order by seq rows between unbounded preceding and 1 preceding)
),
windows as (  -- a fault is in effect, and a second more for what the tap reads late
  select begin_at, coalesce(cleared_at + 1000000000, case when kind = 'kill' then begin_at + 1000000000 end, 9223372036854775807) as end_at
  from faults join (select name, any_value(kind) as kind from timeline where event = 'fault' group by name) using (name)
  where begin_at is not null
),
failures as (  -- on the oldest one, outside of every fault
  select in_order.task, peer, connection, channel, release.seq as seq, release.moment as "at", release.how as how
  from in_order
  where oldest and release.how in ('back', 'close')
    and not exists (select 1 from windows where release.moment between begin_at and end_at)
),
next_given as (
  select failures.task, failures.seq, given."at"
  from failures asof join (select seq, "at", peer from wire where event = 'deliver' and peer in (select peer from failures)) as given
    on failures.peer = given.peer and failures.seq < given.seq
),
stopped as (  -- the end was asked for: the worker stopped then or later, and had got nothing more before
  select failures.task, failures.seq
  from failures
  asof join (select name, "at" from stops where state <> 'died') as halt
    on failures.peer = halt.name and failures."at" - 2000000000 <= halt."at"
  left join next_given on failures.task = next_given.task and failures.seq = next_given.seq
  where next_given."at" is null or halt."at" < next_given."at"
),
failed as (
  select *, row_number() over (partition by task order by seq) as nth
  from failures where (task, seq) not in (select (task, seq) from stopped)
),
settling as (select begin_at, ended = 'timeout' as restless from phases where name = 'settle'),
poison as (
  select task, count(*) as times, arg_min(peer, seq) as first_peer, min("at") filter (nth > $most) as too_often_at,
         count(*) filter (restless and "at" >= begin_at) as while_settling
  from failed left join settling on true group by task having count(*) > $most
),
incomplete as (
  select not complete('wire') or (declared('faults') and not complete('timeline')) as wire,
         not complete('effects') or not complete('leftovers') as rest,
         exists (select 1 from evidence where name in ('effects', 'leftovers') and state = 'missing')
           or exists (select 1 from timeline where event = 'incomplete' and name in ('effects', 'leftovers')) as truly
),
found as (select task, min(remaining(state, queue)) as place, bool_or(state in ('dead', 'cancelled')) as aside from leftovers group by task),
dragged as (  -- died of the delivery limit, and no worker failed on it
  select dead.task, count(*) as times, max(culprits."at") as "at",
         arg_max(culprits.task, culprits.seq) as culprit, arg_max(culprits.peer, culprits.seq) as peer
  from in_order as dead
  join failed as culprits on culprits.how = 'close' and culprits.connection = dead.connection and culprits.channel = dead.channel
    and culprits.seq = dead.release.seq and culprits.task <> dead.task
  where dead.task in (select task from fell) and dead.task not in (select task from failed)
    and dead.task not in (select task from done_tasks where effects > 0)
  group by dead.task
)
select task, format('Workers failed on it {} times, the first was {}, and it {}.', times, coalesce(first_peer, 'a consumer'),
                    coalesce(place, 'remains nowhere')) as why,
       step_at(too_often_at) as step, null as kind,
       incomplete.wire or (incomplete.rest and (incomplete.truly or while_settling <= $most)) as inconclusive
from incomplete, poison left join found using (task) left join done_tasks using (task)
where not coalesce(aside, false) and coalesce(effects, 0) = 0
union all
select task, format('It died of its delivery limit, and no worker had failed on it: {} had it {} when failing on {}.',
                    coalesce(peer, 'a consumer'), case times when 1 then 'once' else format('{} times', times) end, culprit),
       step_at("at"), 'innocent', incomplete.wire or (incomplete.rest and incomplete.truly)
from incomplete, dragged;
