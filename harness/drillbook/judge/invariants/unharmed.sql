-- unharmed: Tasks of these types were taken and done in time, whatever happened to the others.
-- needs: published, effects
-- needs complete: effects
-- parameter types: list[text] (the task types that must not notice)
-- parameter within: duration (at most this long after a task was meant to be sent)
-- in words: 1 task of a protected type was affected | {count} tasks of protected types were affected
--
-- For what is kept apart: a rollback of one type of task, and the faults in it, may not be felt by another. Unlike `recovered`, it knows no
-- healing: the whole drill through, every task of these types is confirmed, and done within that time of the moment at which the schedule
-- wanted it sent. A publish that failed or was skipped has noticed; one that was never confirmed is not judged. A type of which no task was
-- sent gives `inconclusive`, and so does one that was done late while the machine was starved.
--
-- A finding:
--
--     charge-000117  Done 7.4 s after it was meant to be sent; 2.0 s are allowed.
with concerned as (select * from tasks where list_contains($types::varchar[], type)),
noticed as (
  select *, starved(intended_at, first_effect_at) as busy from concerned
  where outcome in ('fail', 'skipped') or (outcome = 'ok' and (effects = 0 or first_effect_at > intended_at + $within))
)
select task,
       case when outcome in ('fail', 'skipped') then format('Its publish ended as {}.', outcome)
            when len(missing_from) > 0 then format('It {}.', left_no_effect(missing_from))
            when effects = 0 then 'It was never done.'
            when busy is null then format('Done {} after it was meant to be sent; {} are allowed.',
                                          seconds_of(first_effect_at - intended_at), seconds_of($within))
            else format('{} was done {} after it was meant to be sent, {} are allowed: {}', task,
                        seconds_of(first_effect_at - intended_at), seconds_of($within), busy) end as why,
       outcome = 'ok' and effects > 0 and busy is not null as inconclusive
from noticed
union all
select null, format('no task of the type {} was sent', wanted.type), true
from (select unnest($types::varchar[]) as type) as wanted anti join concerned using (type);
