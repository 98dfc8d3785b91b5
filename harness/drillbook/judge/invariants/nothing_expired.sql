-- nothing_expired: No task expired or was dropped from a full queue.
-- needs: published, wire, effects, leftovers, metrics
-- needs complete: nothing
-- parameter allow: list[text] = [] (queues in which tasks may die of time or of length)
-- in words: 1 task expired or was dropped by a length limit | {count} tasks expired or were dropped by a length limit
-- in words dropped: tasks expired or were dropped by a length limit, without a dead letter | tasks expired or were dropped by a length limit, without a dead letter
--
-- The last death of a dead letter counts: `expired` (its time to live was over) or `maxlen` (its queue was full and pushed it out). A task
-- that waited in a delay queue between two attempts expired there, too, but that is not what it died of.
--
-- Where the queue has no dead-letter exchange, or one that does not exist, the task is dropped, and only the broker's own counters tell.
-- They do not say which task it was, nor of which queue: a drop counts when confirmed tasks are missing that no consumer had at the end.
-- Of queues that `allow` names nothing is known then, and the verdict is `inconclusive`.
--
-- A finding:
--
--     notify-000081  It is dead-lettered in tasks.dead: its time was over in tasks.v2.
with died as (
  select task, queue, coalesce(string_split(history, '; ')[-1], case when deaths <= 1 then reason end) as last_death, deaths, reason
  from leftovers where state = 'dead'
),
of_time as (
  select task, queue, regexp_extract(last_death, '^(\w+)(?: in (.*?)(?:, \d+ times)?)?$', ['cause', 'place']) as death
  from died where regexp_matches(last_death, '^(expired|maxlen)\b')
),
counted as (  -- counters of what the broker dropped; one that fell began anew
  select case when starts_with(name, 'global_messages_dead_lettered_expired_total') then 'expired' else 'maxlen' end as cause, name, "at", value,
         lag(value, 1, 0) over (partition by name order by "at", value) as before
  from metrics
  where regexp_matches(name, '^global_messages_dead_lettered_(expired|maxlen)_total\{.*dead_letter_strategy="disabled"')
),
dropped as (
  select sum(case when value >= before then value - before else value end) filter (cause = 'expired')::bigint as expired,
         sum(case when value >= before then value - before else value end) filter (cause = 'maxlen')::bigint as maxlen
  from counted
),
missing as (  -- and no consumer had it at the end
  select count(*) as tasks from tasks left join last_seen using (task)
  where outcome = 'ok' and effects = 0 and remains_in is null
    and (what is null or what.event in ('publish', 'deliver') or (what.event <> 'ack' and what.back))
),
silent as (
  select format('broker dropped {} messages whose time was over and {} for which there was no room, and {} that no consumer had {} missing',
                coalesce(expired, 0), coalesce(maxlen, 0), counted(tasks), case tasks when 1 then 'is' else 'are' end) as said,
         len($allow) = 0 and complete('wire') and complete('effects') and complete('leftovers') as sure
  from dropped, missing where coalesce(expired, 0) + coalesce(maxlen, 0) > 0 and tasks > 0
)
select task, format('It is dead-lettered{}: {}{}.', coalesce(' in ' || queue, ''),
                    case death.cause when 'expired' then 'its time was over' else 'it was pushed out, as its queue was full,' end,
                    coalesce(' in ' || nullif(death.place, ''), '')) as why,
       null as step, null as kind, false as inconclusive
from of_time where not list_contains($allow, death.place)
union all
select null, case when sure then format('The {}.', said) else format('the {}', said) end, null, 'dropped', not sure
from silent;
