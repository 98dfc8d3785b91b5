-- queue_drops: one row a queue and step in which tasks left the queue and no consumer got them.
-- short: ready at the step's start, less what is ready at its end and what was delivered meanwhile; a lower bound, as tasks also arrive.
create table queue_drops as
with edges as (select queue, step, edge, "at", "exists", ready from counters where step is not null),
spans as (
  select starts.queue, starts.step, starts."at" as begin_at, starts.ready as ready_before,
         min(ends."at") as end_at,
         arg_min(ends."exists", ends."at") as still_there,
         arg_min(coalesce(ends.ready, 0), ends."at") as ready_after
  from edges as starts join edges as ends using (queue, step)
  where starts.edge = 'start' and ends.edge = 'end' and ends."at" >= starts."at" and starts.ready > 0
  group by starts.queue, starts.step, starts."at", starts.ready
),
delivered as (
  select spans.queue, spans.step, spans.begin_at, count(*) as delivered
  from spans join wire on wire.queue = spans.queue and wire.event = 'deliver' and wire."at" between spans.begin_at and spans.end_at
  group by spans.queue, spans.step, spans.begin_at
)
select queue, step, begin_at, end_at, still_there,
       ready_before - ready_after - coalesce(delivered, 0) as short
from spans left join delivered using (queue, step, begin_at)
where ready_before - ready_after - coalesce(delivered, 0) > 0
  and (complete('wire') or not still_there);  -- without the wire only a queue that is gone is sure not to have been consumed
