-- bounded_redelivery: No task is delivered over and over again.
-- needs: wire
-- needs complete: nothing
-- parameter most: int = 5 (how often a task may be delivered, the first time included)
-- in words: 1 task was delivered too often | {count} tasks were delivered too often
--
-- Deliveries to workers count, whatever queue they come from; what the playbook itself takes from a queue to move it does not. Where the
-- broker makes copies of one publish for several queues, those of each queue are counted by themselves. The step
-- blamed is the one that ran at the first delivery that was too many. A delivery that the wire tap does not see (a consumer on a link of
-- its own) is not counted.
--
-- A finding:
--
--     charge-000009  Delivered 41 times, where 5 are allowed; first to workers.v1.1, last to workers.v1.2.  (step "start v1")
with given as (  -- copy: the queue, of those that get copies of the same publish
  select task, peer, seq, "at", case when queue in (select queue from subscriptions) then queue else '' end as copy
  from wire where event = 'deliver' and task is not null and peer is distinct from 'operator'
),
counted as (
  select *, row_number() over (partition by task, copy order by seq) as nth
  from given semi join (select task, copy from given group by task, copy having count(*) > $most) using (task, copy)
)
select task,
       format('Delivered {} times{}, where {} are allowed; first to {}, last to {}.', count(*),
              case when copy <> '' then ' from ' || copy else '' end, $most,
              coalesce(arg_min(peer, seq), 'a consumer'), coalesce(arg_max(peer, seq), 'a consumer')) as why,
       step_at(min("at") filter (nth > $most)) as step
from counted group by task, copy
qualify row_number() over (partition by task order by count(*) desc, copy) = 1;
