-- metric_changes: one row a sample of one of the broker's counters: what was added since the sample before, and whether it was reset.
-- A counter that falls began again at 0 (the broker was restarted, or its queue was made anew); what it counted unseen before that is lost.
create table metric_changes as
select "at", lag("at") over counter as since, name, queue, exchange, phase, edge, value,
       case when value >= lag(value, 1, 0.0) over counter then value - lag(value, 1, 0.0) over counter else value end as added,
       value < lag(value, 1, 0.0) over counter as reset
from metrics where split_part(name, '{', 1) like '%\_total' escape '\'
window counter as (partition by name, queue, exchange order by "at");

-- phase_counts: one row a phase and counter: what was added in it.
create view phase_counts as
select phases.name as phase, metric_changes.name, queue, exchange, sum(added) as added
from phases join metric_changes
  on "at" >= begin_at and not (phase is not distinct from phases.name and edge = 'start')
 and (end_at is null or "at" <= end_at or (phase = phases.name and edge = 'end' and since <= end_at))
group by all having sum(added) > 0;
