-- places: one row a task that remains: where, and in which states and queues. One in several places remains in the one it can still leave.
create view places as
select task, min({rank: list_position(['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'], state), queue: queue, reason: reason}) as place,
       list_sort(list(distinct state)) as remains,
       coalesce(list_sort(list(distinct queue) filter (queue is not null)), []) as remains_queues
from leftovers group by task;

-- tasks: one row a task of the ledger.
create table tasks as
with attempts as (
  select task,
         min(type) as type,
         max(case outcome when 'ok' then 4 when 'unknown' then 3 when 'fail' then 2 else 1 end) as best,
         count(*) as attempts,
         min(intended_at) as intended_at,
         min(sent_at) as sent_at,
         min(resolved_at) filter (outcome = 'ok') as confirmed_at
  from published group by task
),
several_versions as (
  select task, list_sort(list(distinct version)) as versions
  from done semi join (select task from done_tasks where first_version <> last_version) using (task)
  where version is not null group by task
)
select task, type, ['skipped', 'fail', 'unknown', 'ok'][best] as outcome, attempts, intended_at, sent_at, confirmed_at,
       coalesce(effects, 0) as effects, first_effect_at, last_effect_at,
       coalesce(missing_from, []) as missing_from,
       case when first_version = last_version then [first_version] else coalesce(versions, []) end as versions,
       ['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'][place.rank] as remains_in,
       place.queue as remains_queue,
       place.reason as remains_reason,
       coalesce(remains, []) as remains,
       coalesce(remains_queues, []) as remains_queues
from attempts left join done_tasks using (task) left join several_versions using (task) left join places using (task);

-- all_tasks: one row a task that anything knows of; of one that the ledger does not know, outcome is NULL.
create view all_tasks as
select task, outcome, sent_at, effects, missing_from, remains_in, remains from tasks
union all
select task, null, null, coalesce(effects, 0), coalesce(missing_from, []),
       ['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'][place.rank], coalesce(remains, [])
from (select task from done_tasks union select task from places) as known
anti join tasks using (task) left join done_tasks using (task) left join places using (task);
