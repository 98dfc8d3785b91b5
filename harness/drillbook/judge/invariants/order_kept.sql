-- order_kept: Tasks that were sent one after the other reach their worker in that order.
-- needs: wire, topology
-- parameter queue: queue (the queue whose order matters)
-- in words: 1 task was overtaken | {count} tasks were overtaken
--
-- Two tasks are in order when one channel sent them one after the other with the same exchange and routing key. When the queue then gave
-- both to one channel of a worker, in the other order, the first was overtaken: on its way, in the queue, or by a playbook that moved it
-- behind newer ones.
--
-- Only the first delivery of a task to a worker counts, and only when the broker does not call it redelivered: what a worker gives back may
-- come later. A task that was sent more than once, but for what the operator moves, is left out, and so is everything sent to an exchange
-- that spreads equal keys over several queues (its type begins with `x-`).
--
-- Known limits. Nothing is said of tasks that went to different consumers or were sent by different channels: give the queue a single
-- consumer and its tasks a single publisher. A queue with priorities, and tasks with a time to live of their own before they reach the
-- queue, have another order. What passes no wire tap is not seen.
--
-- A finding:
--
--     charge-000037  Delivered to workers.v1.1 after charge-000041, which was sent after it.  (step "move the rest")
with given as (
  select task, seq, "at", peer, coalesce(connection, -1) as to_connection, coalesce(channel, -1) as to_channel
  from wire
  where event = 'deliver' and task is not null and peer is distinct from 'operator'
  qualify row_number() over (partition by task order by seq) = 1 and queue = $queue and redelivered is not true
),
sent as (
  select task, min(seq) as sent_seq, any_value(exchange) as exchange, any_value(routing_key) as routing_key,
         any_value(coalesce(connection, -1)) as from_connection, any_value(coalesce(channel, -1)) as from_channel
  from wire semi join given using (task)
  where event = 'publish' and peer is distinct from 'operator'
  group by task having count(*) = 1
),
pairs as (
  select given.*, arg_min(given.task, given.seq) over later as earliest_later, min(given.seq) over later as earliest_seq
  from given join sent using (task)
  where sent_seq < given.seq
    and coalesce(exchange, '') not in (select name from topology where kind = 'exchange' and field = 'type' and starts_with(value, '"x-'))
  window later as (
    partition by from_connection, from_channel, exchange, routing_key, to_connection, to_channel order by sent_seq
    rows between 1 following and unbounded following
  )
),
overtaken as (select * from pairs where earliest_seq < seq),
moved as (
  select overtaken.task, max(wire."at") as "at"
  from overtaken join wire on wire.task = overtaken.task and event = 'publish' and wire.peer = 'operator' and wire.seq < overtaken.seq
  group by overtaken.task
)
select task, format('Delivered to {} after {}, which was sent after it.', coalesce(peer, 'a consumer'), earliest_later) as why,
       coalesce(step_at(moved."at"), step_at(overtaken."at")) as step
from overtaken left join moved using (task);
