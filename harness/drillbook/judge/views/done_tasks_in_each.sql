-- done_tasks: one row a task of the ledger or of the effects, and how often it was done where effects have several sources: not at all while
-- it misses one of those that take its type, otherwise as often as in the source where it was done most.
create view done_tasks as
with counted as (
  select task, source, count(*) as effects, min("at") as first_at, max("at") as last_at,
         min(version) as first_version, max(version) as last_version
  from done group by task, source
),
types as (select task, min(type) as type from published group by task),
due as (select task, sources.name as source from types left join sources on sources.types is null or list_contains(sources.types, types.type)),
placed as (
  select coalesce(due.task, counted.task) as task, coalesce(due.source, counted.source) as source, due.source is not null as due,
         effects, first_at, last_at, first_version, last_version
  from due full join counted on due.task = counted.task and due.source = counted.source
)
select task,
       case when bool_or(due and effects is null) then 0 else greatest(max(effects), 1) end as effects,
       case when not bool_or(due and effects is null) then coalesce(max(first_at) filter (due), min(first_at)) end as first_effect_at,
       max(last_at) as last_effect_at,
       list(source order by source) filter (due and effects is null) as missing_from,
       min(first_version) as first_version, max(last_version) as last_version
from placed group by task;
