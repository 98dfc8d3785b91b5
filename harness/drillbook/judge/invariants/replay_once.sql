-- replay_once: What the playbook puts back into a queue it puts back once.
-- needs: published, wire, effects
-- needs complete: wire
-- in words: 1 task was replayed twice | {count} tasks were replayed twice
--
-- A replay is a publish by the operator of a task that was there before: the load had published it, or the operator had taken it from a
-- queue. A second one to the same place (exchange and routing key) breaks this, unless something in between brings the task back:
--
-- - a worker gave it up: refused it, acknowledged it without an effect, or its channel closed while it had it;
-- - the operator took and acknowledged the task (or read it without having to) as often as it published it;
-- - others had published as many copies: a load that tried again, a worker that sends its failures on by itself.
--
-- A publish that the broker refused or returned, or that was never confirmed on a channel with confirms, does not count: it may be tried
-- again. Nor does one whose confirm a fault kept from the operator: dropped by the wire tap, or sent while a fault on the operator's link
-- stood, with nothing more from the operator before that connection was lost. The step blamed is the one of the second publish.
--
-- Known limits. What the playbook takes or publishes through the management API, and what a shovel moves, passes no wire tap. So a task
-- that died of time after its replay and was taken again through the API looks like one that was replayed twice.
--
-- A finding:
--
--     charge-000412  The operator sent it to tasks.v1 2 times, and nothing had brought it back in between.  (step "replay")
with sends as (
  select task, seq, "at", coalesce(exchange, '') as exchange, coalesce(routing_key, '') as routing_key,
         coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire where event = 'publish' and peer = 'operator' and task is not null
),
twice as (select * from sends where task in (select task from sends group by task, exchange, routing_key having count(*) > 1)),
known as (
  select task, seq, "at", event, peer, ok, coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire semi join twice using (task) where event in ('publish', 'confirm', 'return', 'deliver', 'ack', 'nack', 'reject')
),
confirming as (  -- channels of the operator with publisher confirms
  select distinct coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire where event = 'confirm' and peer = 'operator'
),
numbered_sends as (
  select *, row_number() over per_channel as nth, lead(seq, 1, 9223372036854775807) over per_channel as next_seq
  from twice window per_channel as (partition by connection, channel, task order by seq)
),
losses as (  -- confirms that the tap dropped: one line for all that went at that moment
  select task, seq, "at", coalesce(connection, -1) as connection, coalesce(channel, -1) as channel
  from wire where event = 'fault' and peer = 'operator' and reason = 'confirm dropped'
),
words as (  -- what tells that the operator is still there
  select seq as word_seq, coalesce(connection, -1) as connection
  from wire where peer = 'operator' and event in ('publish', 'ack', 'nack', 'reject', 'deliver', 'consume', 'cancel', 'commit', 'purge', 'delete')
),
ruptures as (
  select seq as rupture_seq, coalesce(connection, -1) as connection
  from wire where peer = 'operator' and event = 'close' and starts_with(coalesce(reason, 'connection lost'), 'connection lost')
),
confirms as (
  select confirm.task, confirm.connection, confirm.channel,
         row_number() over (partition by confirm.connection, confirm.channel, confirm.task order by confirm.seq) as nth,
         ok and not exists (
           select 1 from losses where losses.connection = confirm.connection and losses.channel = confirm.channel and losses.seq > confirm.seq
           and (losses.task = confirm.task or losses."at" = confirm."at")
         ) and not (coalesce(rupture_seq < coalesce(word_seq, 9223372036854775807), false) and exists (
           select 1 from faults
           where target = 'operator -> broker' and begin_at <= confirm."at" and (cleared_at is null or confirm."at" <= cleared_at)
         )) as ok
  from (select * from known where event = 'confirm') as confirm
  asof left join words on confirm.connection = words.connection and confirm.seq < word_seq
  asof left join ruptures on confirm.connection = ruptures.connection and confirm.seq < rupture_seq
),
arrived as (
  select numbered_sends.*
  from numbered_sends left join confirming using (connection, channel) left join confirms using (connection, channel, task, nth)
  where case when confirming.connection is null then true else coalesce(ok, false) end
    and not exists (select 1 from known where event = 'return' and known.task = numbered_sends.task
                    and known.connection = numbered_sends.connection and known.channel = numbered_sends.channel
                    and known.seq between numbered_sends.seq and numbered_sends.next_seq)
),
released as (  -- each delivery, and how it was let go of
  select task, peer, seq, {seq: released_seq, how: released_by} as release from delivered_of('twice')
),
ledger as (select task, count(*) as copies from published semi join twice using (task) where outcome in ('ok', 'unknown') group by task),
others as (select task, seq from known where event = 'publish' and peer is distinct from 'operator'),
ranked as (
  select arrived.*, coalesce(copies, 0) as copies,
         row_number() over (partition by arrived.task order by arrived.seq) as nth_send,
         row_number() over (partition by arrived.task, exchange, routing_key order by arrived.seq) as nth_there,
         lag(arrived.seq) over (partition by arrived.task, exchange, routing_key order by arrived.seq) as last_seq
  from arrived left join ledger using (task)
),
done_before as (select task, min("at") as "at" from effects semi join twice using (task) group by task),
again as (
  select ranked.*, (select count(*) from others where others.task = ranked.task and others.seq < ranked.seq) as sent_by_others
  from ranked left join done_before using (task)
  where nth_there > 1
    and not exists (select 1 from released where released.task = ranked.task and peer is distinct from 'operator'
                    and release.seq > last_seq and release.seq < ranked.seq
                    and (release.how <> 'ack' or done_before."at" is null or done_before."at" > ranked."at"))
    and nth_send > (select count(*) from released where released.task = ranked.task and peer = 'operator' and release.how = 'ack'
                    and released.seq < ranked.seq)
)
select task,
       format('The operator sent it to {} {} times, and nothing had brought it back in between.',
              any_value(coalesce(nullif(exchange, ''), routing_key)), max(nth_there)) as why,
       step_at(min("at")) as step
from again
where nth_there > greatest(copies, sent_by_others)
  and (copies > 0 or sent_by_others > 0 or exists (select 1 from released where released.task = again.task and peer = 'operator'))
group by task;
