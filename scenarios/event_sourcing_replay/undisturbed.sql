-- undisturbed: A consumer does its part of every task soon after the task was sent, whatever happens to the others.
-- needs: published, effects
-- needs complete: effects
-- parameter source: text (the source of effects that this consumer writes)
-- parameter within: duration (from the confirm to the effect)
-- in words: 1 task waited | {count} tasks waited
--
-- A task that left no effect there is for no_lost_tasks.
-- One that was done late while the machine was starved is inconclusive.
with late as (
  select task, any_value(confirmed_at) as confirmed_at, min(effects."at") as done_at
  from effects join tasks using (task)
  where source = $source and confirmed_at is not null
  group by task having min(effects."at") - any_value(confirmed_at) > $within
)
select task,
       case when busy is null then format('{} did its part {} after the confirm; {} are allowed.', $source, seconds_of(done_at - confirmed_at), seconds_of($within))
            else format('{} did its part of {} {} after the confirm, {} are allowed: {}', $source, task, seconds_of(done_at - confirmed_at),
                        seconds_of($within), busy) end as why,
       step_at(done_at) as step, busy is not null as inconclusive
from (select *, starved(confirmed_at, done_at) as busy from late)
