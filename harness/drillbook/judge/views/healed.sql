-- healed: one row: when the last fault had cleared and the playbook had ended (at; 0 where neither is declared), and what is not known of it.
create view healed as
with playbook as (select max(end_at) as end_at from phases where name = 'playbook'),
clearing as (select max(cleared_at) as end_at from faults where begin_at is not null),
stuck as (select min(name) as name from faults where not_cleared or (end_at is not null and cleared_at is null))
select greatest(coalesce(playbook.end_at, 0), coalesce(clearing.end_at, 0)) as "at",
       case when declared('playbook') and playbook.end_at is null then 'the playbook was not seen to end'
            when stuck.name is not null then format('the fault "{}" was not seen to clear', stuck.name) end as problem
from playbook, clearing, stuck;
