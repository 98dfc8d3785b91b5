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
),
remaining as (  -- a task in several places remains in the one it can still leave by itself
  select task, min({rank: list_position(['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'], state), queue: queue, reason: reason}) as place,
         list_sort(list(distinct state)) as remains
  from leftovers group by task
)
select task, type, ['skipped', 'fail', 'unknown', 'ok'][best] as outcome, attempts, intended_at, sent_at, confirmed_at,
       coalesce(effects, 0) as effects, first_effect_at, last_effect_at,
       coalesce(missing_from, []) as missing_from,
       case when first_version = last_version then [first_version] else coalesce(versions, []) end as versions,
       ['ready', 'delayed', 'unacked', 'outbox', 'cancelled', 'dead'][place.rank] as remains_in,
       place.queue as remains_queue,
       place.reason as remains_reason,
       coalesce(remains, []) as remains
from attempts left join done_tasks using (task) left join several_versions using (task) left join remaining using (task);
