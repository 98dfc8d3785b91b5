-- broker_starts: one row each time the broker started, as its metrics tell.
create table broker_starts as
select min("at") as "at", row_number() over (order by min("at")) as start
from metrics where name = 'process_start_time_seconds' and value > 0 group by value;

-- metric_changes: one row a sample of one of the broker's counters: what was added since the sample before, and whether it was reset.
-- A counter that falls began again at 0 (the broker was restarted, or its queue was made anew); what it counted unseen before that is lost.
create table metric_changes as
with samples as (
  select metrics.*, coalesce(start, 1) as start, lag(metrics."at") over counter as since, lag(value, 1, 0.0) over counter as before,
         lag(coalesce(start, 1), 1, coalesce(start, 1)) over counter as start_before
  from metrics asof left join broker_starts on metrics."at" >= broker_starts."at"
  where split_part(name, '{', 1) like '%\_total' escape '\'
  window counter as (partition by name, queue, exchange order by metrics."at")
)
select "at", since, name, queue, exchange, phase, edge, value, value < before or start <> start_before as reset,
       case when value < before or start <> start_before then value else value - before end as added
from samples;

-- phase_counts: one row a phase and counter: what was added in it.
create view phase_counts as
select phases.name as phase, metric_changes.name, queue, exchange, sum(added) as added
from phases join metric_changes
  on "at" >= begin_at and not (phase is not distinct from phases.name and edge = 'start')
 and (end_at is null or "at" <= end_at or (phase = phases.name and edge = 'end' and since <= end_at))
group by all having sum(added) > 0;
