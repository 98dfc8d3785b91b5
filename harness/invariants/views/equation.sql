-- equation: one row: what became of publishing, and where every confirmed task ended.
create view equation as
with undone as (select * from tasks where outcome = 'ok' and effects = 0)
select (select count(*) from tasks) as tasks,
       (select count(*) from tasks where outcome = 'ok') as ok,
       (select count(*) from tasks where outcome = 'fail') as failed,
       (select count(*) from tasks where outcome = 'unknown') as unknown,
       (select count(*) from tasks where outcome = 'skipped') as skipped,
       (select count(*) from tasks where outcome = 'ok' and effects > 0) as done,
       (select count(*) from undone where rests_in = 'dead') as dead,
       (select count(*) from undone where rests_in in ('ready', 'unacked', 'outbox')) as queued,
       (select count(*) from undone where rests_in = 'cancelled') as cancelled,
       (select count(*) from undone where rests_in is null) as missing,
       (select count(*) from (select task from effects group by task having count(*) > 1)) as doubled;
