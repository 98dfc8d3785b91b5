-- done_tasks: one row a task that was done, and how often.
create view done_tasks as
select task, count(*) as effects, min("at") as first_effect_at, max("at") as last_effect_at, null::varchar[] as missing_from,
       min(version) as first_version, max(version) as last_version
from done group by task;
