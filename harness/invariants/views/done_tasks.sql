-- done_tasks: one row a task that was done, and how often.
create view done_tasks as
select task, count(*) as effects, min("at") as first_effect_at, max("at") as last_effect_at, null::varchar[] as missing_from
from done group by task;
