-- tasks: one row a task of the ledger.
create table tasks as
with attempts as (
  select task,
         min(type) as type,
         case when bool_or(outcome = 'ok') then 'ok'
              when bool_or(outcome = 'unknown') then 'unknown'
              when bool_or(outcome = 'fail') then 'fail'
              else 'skipped' end as outcome,
         count(*) as attempts,
         min(intended_at) as intended_at,
         min(sent_at) as sent_at,
         min(resolved_at) filter (outcome = 'ok') as confirmed_at
  from published group by task
),
by_version as (select distinct task, version from effects where version is not null),
versions as (select task, list(version order by version) as versions from by_version group by task),
resting as (  -- a task in several places rests in the one it can still leave by itself
  select task, min({rank: list_position(['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'], state), queue: queue, reason: reason}) as place,
         list_sort(list(distinct state)) as rests
  from leftovers group by task
)
select attempts.*,
       coalesce(effects, 0) as effects, first_effect_at, last_effect_at,
       coalesce(missing_from, []) as missing_from,
       coalesce(versions, []) as versions,
       ['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'][place.rank] as rests_in,
       place.queue as rests_queue,
       place.reason as rests_reason,
       coalesce(rests, []) as rests
from attempts left join done_tasks using (task) left join versions using (task) left join resting using (task);
