-- faults: one row a fault and victim: when it began, bit, ended and lifted, and whether either was asked for in vain.
create table faults as
select name, target,
       min("at") filter (state = 'begin') as begin_at,
       min("at") filter (state = 'bit') as bit_at,
       max("at") filter (state = 'end') as end_at,
       max("at") filter (state = 'lifted') as lifted_at,
       coalesce(bool_or(state = 'not_bit'), false) as not_bit,
       coalesce(bool_or(state = 'not_lifted'), false) as not_lifted,
       any_value(detail) filter (state = 'skipped') as skipped
from timeline where event = 'fault'
group by name, target;
