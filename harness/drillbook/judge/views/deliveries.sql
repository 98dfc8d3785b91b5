-- let_go(taken, answers): some deliveries, each with how it was let go of: released_seq, released_at and released_by (ack, nack, reject, close, or
-- NULL: never), and whether the task went back to its queue. taken and answers are the names of relations with seq, at, event, requeue, task,
-- peer, connection and channel. Of several copies of a task on one channel the one that came first is answered first.
create macro let_go(taken, answers) as table
with closes as (
  select seq, "at", coalesce(connection, -1) as connection, channel from wire where event = 'close'
),
moves as (
  select seq, "at", event, requeue, task, coalesce(peer, '') as peer, connection, channel from query_table(taken)
  union all
  select seq, "at", event, requeue, task, coalesce(peer, ''), connection, channel from query_table(answers)
),
bounded as (
  select moves.*, list_min(list_filter([{seq: closing.seq, moment: closing."at"}, {seq: ending.seq, moment: ending."at"}],
                                       lambda one: one.seq is not null)) as bound
  from moves
  asof left join (select * from closes where channel is not null) as closing
    on moves.connection = closing.connection and moves.channel = closing.channel and moves.seq < closing.seq
  asof left join (select * from closes where channel is null) as ending
    on moves.connection = ending.connection and moves.seq < ending.seq
),
numbered as (
  select *, event = 'deliver' as given,
         row_number() over (partition by event = 'deliver', task, peer, connection, channel, bound.seq order by seq) as nth
  from bounded
),
released as (
  select one.seq, coalesce(answer.seq, one.bound.seq) as released_seq, coalesce(answer."at", one.bound.moment) as released_at,
         coalesce(answer.event, case when one.bound is not null then 'close' end) as released_by,
         case when answer.seq is null then one.bound is not null when answer.event = 'ack' then false
              else coalesce(answer.requeue, answer.event = 'nack') end as went_back
  from (select * from numbered where given) as one
  left join (select * from numbered where not given) as answer
    on one.task = answer.task and one.peer = answer.peer and one.connection = answer.connection and one.channel = answer.channel
      and one.bound.seq is not distinct from answer.bound.seq and one.nth = answer.nth and one.seq < answer.seq
)
select those.*, released_seq, released_at, released_by, went_back from query_table(taken) as those join released using (seq);

-- every_answer: one row an answer of a consumer.
create view every_answer as
select seq, "at", event, requeue, task, peer, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
from wire where event in ('ack', 'nack', 'reject');

-- every_delivery: one row a delivery, not yet with how it was let go of.
create view every_delivery as
select seq, "at", event, requeue, task, queue, peer, version, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel,
       coalesce(redelivered, false) as redelivered
from wire where event = 'deliver';

-- given_again: tasks that were delivered to workers more than once.
create view given_again as
select task from wire where event = 'deliver' and peer is distinct from 'operator' group by task having count(*) > 1;

-- delivered_of(source): the deliveries of the tasks of a relation of that name, and how each was let go of. Finding what let go of a delivery takes a
-- sort of all answers, so the few deliveries that matter are picked out first.
create macro delivered_of(source) as table
with those_given as (select * from every_delivery where task in (select task from query_table(source))),
their_answers as (select * from every_answer where task in (select task from query_table(source)))
select * exclude (event, requeue) from let_go('those_given', 'their_answers');

-- deliveries: one row a delivery: who got which task from which queue, and how it was let go of: ack, nack, reject, close or NULL (never).
create view deliveries as
with all_given as (from every_delivery), all_answers as (from every_answer)
select * exclude (event, requeue) from let_go('all_given', 'all_answers');

-- subscriptions: one row two queues that get copies of the same publish, as with a topic or a fanout exchange: a task that was published
-- once was acknowledged in both. What the broker or the playbook moves on has left the one queue before it is acknowledged in the other.
create table subscriptions as
with many as (from given_again),
taken as (
  select task, queue, min(seq) as seq from delivered_of('many')
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
