-- healed: one row: when the last fault had lifted and the playbook had ended (at; 0 where neither is declared), and what is not known of it.
create view healed as
with playbook as (select max(end_at) as end_at from phases where name = 'playbook'),
lifts as (select max(lifted_at) as end_at from faults where begin_at is not null),
stuck as (select min(name) as name from faults where not_lifted or (end_at is not null and lifted_at is null))
select greatest(coalesce(playbook.end_at, 0), coalesce(lifts.end_at, 0)) as "at",
       case when declared('playbook') and playbook.end_at is null then 'the playbook was not seen to end'
            when stuck.name is not null then format('the fault "{}" was not seen to lift', stuck.name) end as problem
from playbook, lifts, stuck;
