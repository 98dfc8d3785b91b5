-- no_duplicate_effects: No task was done twice.
-- needs: effects
-- needs complete: nothing
-- parameter by: task|key = task (key: a task may have several effects, each with an idempotency key of its own)
-- in words: 1 task was done twice | {count} tasks were done twice
--
-- A redelivered message is no duplicate: only effects count. By default a task has one effect; a second one breaks this, whatever its
-- key or version. Where a task rightly has several effects, `by: key` counts each key once. Where effects are read from several sources, a
-- task has one in each: two in one of them break this.
--
-- Calls to an HTTP source with the same idempotency key are one effect, as its server does nothing for a repeated call and answers as it
-- did at first. Calls with different keys, or with none, are effects of their own.
--
-- The step blamed is the one in which the operator published the task again after it was done; or in which the worker that had done it
-- was stopped; or in which the operator had published it before; or else the one that ran when it was done again.
--
-- A finding:
--
--     charge-000037  Done 2 times: by workers.v2.1 (v2), then by workers.v1.2 (v1).  (step "stop v2")
with repeated as (
  select task, source, case when $by = 'key' then key end as key from done group by 1, 2, 3 having count(*) > 1
),
histories as (
  select task, repeated.source, repeated.key, list_sort(list({moment: "at", worker: worker, version: version})) as done
  from done join repeated using (task)
  where done.source is not distinct from repeated.source and ($by <> 'key' or done.key is not distinct from repeated.key)
  group by task, repeated.source, repeated.key
),
doubled as (  -- of a task with several, the one that came first
  select task, source, len(done) as times, done, done[1].moment as first_at, done[1].worker as first_worker, done[2].moment as second_at
  from histories qualify row_number() over (partition by task order by done[2].moment, source, key) = 1
),
republished as (
  select doubled.task, max("at") as "at", max("at") > any_value(first_at) as since
  from doubled join wire on wire.task = doubled.task and event = 'publish' and peer = 'operator' and "at" <= second_at
  group by doubled.task
),
stopped as (
  select doubled.task, min(stops."at") as "at"
  from doubled join stops on stops.name = first_worker and stops."at" between first_at and second_at
  group by doubled.task
)
select task,
       format('Done {} times{}: by ', times, coalesce(' in ' || source, ''))
         || list_aggregate(list_transform(done[:4], lambda one: coalesce(one.worker, 'a worker') || coalesce(' (' || one.version || ')', '')),
                           'string_agg', ', then by ')
         || case when times > 4 then ', …' else '' end || '.' as why,
       coalesce(case when since then step_at(republished."at") end, step_at(stopped."at"), step_at(republished."at"), step_at(second_at)) as step
from doubled left join republished using (task) left join stopped using (task);
