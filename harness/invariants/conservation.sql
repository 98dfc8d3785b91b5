-- conservation: Confirmed tasks = done + dead + queued + cancelled, and nothing else is there.
-- needs: published, effects, leftovers
-- excused by: effects, leftovers
-- in words: 1 task is lost | {count} tasks are lost
-- in words stranger: 1 task appeared that nobody sent | {count} tasks appeared that nobody sent
--
-- Every confirmed task is found somewhere: done, dead, queued or cancelled. And every task that is found was sent: one in the effects
-- or the leftovers that the ledger does not know, or knows as never sent, was made up on the way (a mangled id, a replay of old
-- messages). Where a task ought to rest is for no_lost_tasks to say.
--
-- A finding:
--
--     charge-000412  It was confirmed and not done; the queue tasks.v2 went away with at least 412 tasks in it.  (step "delete v2 queue")
with found as (
  select task, min("at") as "at", 'It was done' as what from effects group by task
  union all
  select task, null, min(format('It {}', resting(state, queue))) from leftovers group by task
),
strangers as (
  select found.task, min(what) as what, min(found."at") as "at", any_value(outcome) as outcome
  from found left join tasks using (task)
  where outcome is null or outcome = 'skipped'
  group by found.task
)
select task, why, step, null as kind, false as unknown from vanished
union all
select task, format('{}, but {}.', what, case when outcome is null then 'nobody published it' else 'it was skipped and never sent' end),
       step_at("at"), 'stranger', not whole('published')
from strangers;
