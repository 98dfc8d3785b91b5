-- faults: one row a fault and victim: when it began, took effect, ended and cleared, and whether either was asked for in vain.
create table faults as
select name, target,
       min("at") filter (state = 'begin') as begin_at,
       min("at") filter (state = 'took_effect') as took_effect_at,
       max("at") filter (state = 'end') as end_at,
       max("at") filter (state = 'cleared') as cleared_at,
       coalesce(bool_or(state = 'no_effect'), false) as no_effect,
       coalesce(bool_or(state = 'not_cleared'), false) as not_cleared,
       any_value(detail) filter (state = 'skipped') as skipped
from timeline where event = 'fault'
group by name, target;
