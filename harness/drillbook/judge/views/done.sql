-- first_calls: one row a key of an HTTP source: the first call with it. For every later one its server did nothing, and answered as before.
create view first_calls as
select source, key, min({moment: "at", task: task, version: version, worker: worker}) as call
from effects
where key is not null and source in (select name from sources where kind = 'http')
group by source, key;

-- done: one row an effect that counts: each row of a query, and each call to an HTTP source that was not a repeated one.
create view done as
select task, key, version, worker, "at", case when several_sources() then source end as source
from effects
where key is null or source is null or source not in (select name from sources where kind = 'http')
union all
select call.task, key, call.version, call.worker, call.moment, source from first_calls;
