-- equation: one row: what became of publishing, and where every confirmed task ended.
create view equation as
with confirmed as (select *, outcome = 'ok' as ok, outcome = 'ok' and effects = 0 as undone from tasks)
select count(*) as tasks,
       count(*) filter (ok) as ok,
       count(*) filter (outcome = 'fail') as failed,
       count(*) filter (outcome = 'unknown') as unknown,
       count(*) filter (outcome = 'skipped') as skipped,
       count(*) filter (ok and not undone) as done,
       count(*) filter (undone and remains_in = 'dead') as dead,
       count(*) filter (undone and remains_in in ('ready', 'delayed', 'unacked', 'outbox')) as queued,
       count(*) filter (undone and remains_in = 'cancelled') as cancelled,
       count(*) filter (undone and remains_in is null) as missing,
       (select count(distinct task) from (select task from done group by task, source having count(*) > 1)) as doubled
from confirmed;
