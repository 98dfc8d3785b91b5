-- bounded_redelivery: No task is delivered over and over again.
-- needs: wire
-- needs complete: nothing
-- parameter most: int = 5 (how often a task may be delivered, the first time included)
-- in words: 1 task was delivered too often | {count} tasks were delivered too often
--
-- Deliveries to workers count, whatever queue they come from; what the playbook itself takes from a queue to move it does not. Where the
-- broker makes copies of one publish for several queues, those of each queue are counted by themselves: a queue together with all but those
-- that get copies of what it gets. The step
-- blamed is the one that ran at the first delivery that was too many. A delivery that the wire tap does not see (a consumer on a link of
-- its own) is not counted.
--
-- A finding:
--
--     charge-000009  Delivered 41 times, where 5 are allowed; first to workers.v1.1, last to workers.v1.2.  (step "start v1")
with given as (
  select task, peer, seq, "at", coalesce(queue, '') as queue
  from wire where event = 'deliver' and task is not null and peer is distinct from 'operator'
),
often as (select * from given where task in (select task from given group by task having count(*) > $most)),
counted as (  -- own: a queue of the task, with which every queue counts that does not get copies of the same publishes
  select queues.own, often.*, row_number() over (partition by task, own order by seq) as nth
  from (select distinct task, queue as own from often) as queues join often using (task)
  where (queues.own, often.queue) not in (select (queue, other) from subscriptions)
),
sums as (
  select task, own, count(*) as times, string_agg(distinct nullif(queue, ''), ' and ' order by nullif(queue, '')) as places,
         arg_min(peer, seq) as first_peer, arg_max(peer, seq) as last_peer, min("at") filter (nth > $most) as too_often_at
  from counted group by task, own having count(*) > $most
)
select task,
       format('Delivered {} times{}, where {} are allowed; first to {}, last to {}.', times,
              case when times < (select count(*) from often where often.task = sums.task) then coalesce(' from ' || places, '') else '' end, $most,
              coalesce(first_peer, 'a consumer'), coalesce(last_peer, 'a consumer')) as why,
       step_at(too_often_at) as step
from sums qualify row_number() over (partition by task order by times desc, own) = 1;
