-- recovered: Every confirmed task was done soon after its confirm, or soon after everything had healed.
-- needs: published, effects
-- needs complete: effects
-- parameter within: duration (at most this long after its confirm, or after the healing where that was later)
-- parameter allow: list[state] = [] (where a task may remain without having been done)
-- parameter parked: list[queue] = [] (queues where a task may remain without having been done: parking queues)
-- in words: 1 task was not done in time | {count} tasks were not done in time
--
-- The healing is the moment when the last fault had cleared and the playbook had ended; in a drill with neither, only the confirm counts.
-- A task that was never done has not recovered: a lost task breaks this too. A fault that was not seen to clear, or a playbook that never
-- ended, gives `inconclusive`. A task that was done, but late, while the machine was starved, breaks nothing: that is `inconclusive` too.
--
-- A finding:
--
--     charge-004711  Done 41.2 s after everything had healed; 30.0 s are allowed.
with late as (
  select task, effects, starved(greatest(confirmed_at, healed."at"), first_effect_at) as busy, first_effect_at, missing_from, remains, remains_queues, greatest(confirmed_at, healed."at") as due_from,
         case when healed."at" > confirmed_at then 'everything had healed' else 'its confirm' end as origin
  from tasks, healed
  where outcome = 'ok' and problem is null and (effects = 0 or first_effect_at > greatest(confirmed_at, healed."at") + $within)
)
select task,
       case when len(missing_from) > 0 then format('It {}.', left_no_effect(missing_from))
            when effects = 0 then 'It was never done.'
            when busy is null then format('Done {} after {}; {} are allowed.', seconds_of(first_effect_at - due_from), origin, seconds_of($within))
            else format('{} was done {} after {}, {} are allowed: {}', task, seconds_of(first_effect_at - due_from), origin,
                        seconds_of($within), busy) end as why,
       case when effects = 0 then len($allow) + len($parked) > 0 and not complete('leftovers') else busy is not null end as inconclusive
from late
where effects > 0 or not (list_has_any(remains, $allow) or list_has_any(remains_queues, $parked::varchar[]))
union all
select null, problem, true from healed where problem is not null;
