-- no_duplicate_effects: No task was done twice.
-- needs: effects
-- excused by: nothing
-- parameter by: task|key = task (key: a task may have several effects, each with an idempotency key of its own)
-- in words: 1 task was done twice | {count} tasks were done twice
--
-- A redelivered message is no duplicate: only effects count. By default a task has one effect; a second one breaks this, whatever its
-- key or version. Where a task rightly has several effects, `by: key` counts each key once.
--
-- The step blamed is the one in which the operator published the task again after it was done; or in which the worker that had done it
-- was stopped; or in which the operator had published it before; or else the one that ran when it was done again.
--
-- A finding:
--
--     charge-000037  Done 2 times: by workers.v2.1 (v2), then by workers.v1.2 (v1).  (step "stop v2")
with doubled as (
  select task, case when $by = 'key' then key end as key, count(*) as times, min("at") as first_at,
         arg_min(worker, "at") as first_worker, list_sort(list({moment: "at", worker: worker, version: version})) as done
  from effects group by 1, 2 having count(*) > 1
),
republished as (
  select doubled.task, max("at") as "at", max("at") > any_value(first_at) as since
  from doubled join wire on wire.task = doubled.task and event = 'publish' and peer = 'operator' and "at" <= done[2].moment
  group by doubled.task
),
stopped as (
  select doubled.task, min(stops."at") as "at"
  from doubled join stops on stops.name = first_worker and stops."at" between first_at and done[2].moment
  group by doubled.task
),
moments as (
  select doubled.*, republished."at" as republished_at, since, stopped."at" as stopped_at, done[2].moment as second_at
  from doubled left join republished using (task) left join stopped using (task)
)
select task,
       format('Done {} times: by ', times)
         || list_aggregate(list_transform(done[:4], lambda one: coalesce(one.worker, 'a worker') || coalesce(' (' || one.version || ')', '')),
                           'string_agg', ', then by ')
         || case when times > 4 then ', …' else '' end || '.' as why,
       coalesce(case when since then step_at(republished_at) end, step_at(stopped_at), step_at(republished_at), step_at(second_at)) as step
from moments;
