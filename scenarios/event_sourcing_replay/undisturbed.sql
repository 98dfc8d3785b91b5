-- undisturbed: A consumer does its part of every task soon after the task was sent, whatever happens to the others.
-- needs: published, effects
-- needs complete: effects
-- parameter source: text (the source of effects that this consumer writes)
-- parameter within: duration (from the confirm to the effect)
-- in words: 1 task waited | {count} tasks waited
--
-- A task that left no effect there is for no_lost_tasks.
select task, format('{} did its part {} after the confirm; {} are allowed.', $source, seconds_of(min(effects."at") - any_value(confirmed_at)), seconds_of($within)) as why,
       step_at(min(effects."at")) as step
from effects join tasks using (task)
where source = $source and confirmed_at is not null
group by task having min(effects."at") - any_value(confirmed_at) > $within
