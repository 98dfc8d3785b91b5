-- healed: one row: when the last fault had lifted and the playbook had ended (at; 0 where neither is declared), and what is not known of it.
create view healed as
with playbook as (select max(end_at) as end_at from phases where name = 'playbook'),
lifts as (select max(coalesce(lifted_at, end_at)) as end_at from faults where begin_at is not null)
select greatest(coalesce(playbook.end_at, 0), coalesce(lifts.end_at, 0)) as "at",
       case when declared('playbook') and playbook.end_at is null then 'The playbook never ended.'
            when exists (select 1 from faults where not_lifted)
              then (select format('The fault "{}" was not seen to lift.', min(name)) from faults where not_lifted)
            end as problem
from playbook, lifts;
