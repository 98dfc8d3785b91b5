-- delivered(again): the deliveries and how each was let go of; again: only those of tasks that were delivered to workers more than once.
-- Finding what let go of a delivery takes a sort of all answers, so the few deliveries that matter are picked out first.
create macro delivered(again) as table
with repeated as (
  select task from wire where event = 'deliver' and peer is distinct from 'operator' group by task having count(*) > 1
),
sent as (select seq, "at", task, queue, peer, version, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel,
                coalesce(redelivered, false) as redelivered
         from wire where event = 'deliver' and (not again or task in (from repeated))),
answers as (select seq, "at", task, peer, event, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
            from wire where event in ('ack', 'nack', 'reject') and (not again or task in (from repeated))),
closes as (select seq, "at", connection, channel from wire where event = 'close' and channel is not null),
ends as (select seq, "at", connection from wire where event = 'close' and channel is null),
let_go as (
  select sent.*,
         {seq: answers.seq, moment: answers."at", how: answers.event} as answer,
         {seq: closes.seq, moment: closes."at", how: 'close'} as closing,
         {seq: ends.seq, moment: ends."at", how: 'close'} as ending
  from sent
  asof left join answers on sent.task = answers.task and coalesce(sent.peer, '') = coalesce(answers.peer, '') and sent.connection = answers.connection
                        and sent.channel = answers.channel and sent.seq < answers.seq
  asof left join closes on sent.connection = closes.connection and sent.channel = closes.channel and sent.seq < closes.seq
  asof left join ends on sent.connection = ends.connection and sent.seq < ends.seq
),
first_let_go as (
  select *, list_min(list_filter([answer, closing, ending], lambda one: one.seq is not null)) as released from let_go
)
select seq, "at", task, queue, peer, version, connection, channel, redelivered,
       released.seq as released_seq, released.moment as released_at, released.how as released_by
from first_let_go;

-- deliveries: one row a delivery: who got which task from which queue, and how it was let go of: ack, nack, reject, close or NULL (never).
create view deliveries as from delivered(false);

-- subscriptions: one row two queues that get copies of the same publish, as with a topic or a fanout exchange: a task that was published
-- once was acknowledged in both. What the broker or the playbook moves on has left the one queue before it is acknowledged in the other.
create table subscriptions as
with taken as (
  select task, queue, min(seq) as seq from delivered(true)
  where released_by = 'ack' and queue is not null and peer is distinct from 'operator' group by task, queue
),
in_several as (select task, min(seq) as seq from taken group by task having count(*) > 1),
once as (
  select task from wire join in_several using (task) where event = 'publish'
  group by task having count(*) = 1 and min(wire.seq) < min(in_several.seq)
)
select distinct one.queue, two.queue as other
from taken as one join taken as two using (task) semi join once using (task)
where one.queue <> two.queue;
