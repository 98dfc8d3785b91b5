-- dead_lettered: one row a reason for which the broker took messages out of queues: how many, by whether a dead-letter exchange took them.
create table dead_lettered as
select regexp_extract(name, 'dead_lettered_(\w+)_total', 1) as reason,
       coalesce(sum(added) filter (contains(name, '"disabled"')), 0)::bigint as dropped,
       coalesce(sum(added) filter (not contains(name, '"disabled"')), 0)::bigint as sent_on,
       min(since) filter (added > 0 and since is not null) as since,
       min("at") filter (added > 0) as "at"
from metric_changes where name like 'global_messages_dead_lettered_%' and not starts_with(name, 'global_messages_dead_lettered_confirmed')
group by reason having sum(added) > 0;

-- queue_settings: one row a queue at the end: its type, what it does at its length limit, and where its dead letters go.
create table queue_settings as
with told as (  -- after the drill, or before it where it did not come so far
  select kind, name, field, case when json_valid(value) then value ->> '$' else value end as value from topology where moment = (select min(moment) from topology)
),
policies as (select told.name as queue, policy.field, policy.value from told join told as policy
             on told.kind = 'queue' and told.field = 'policy' and policy.kind = 'policy' and policy.name = told.value),
settings as (
  select name as queue, regexp_replace(field, '^arguments\.x-', '') as field, value, 1 as rank from told where kind = 'queue'
  union all
  select queue, regexp_replace(field, '^definition\.', ''), value, 2 from policies
)
select queue, arg_min(value, rank) filter (field = 'type') as type,
       arg_min(value, rank) filter (field = 'overflow') as overflow,
       arg_min(value, rank) filter (field = 'dead-letter-exchange') as dead_letter_exchange,
       case when dead_letter_exchange is null then true
            when dead_letter_exchange = '' then coalesce(arg_min(value, rank) filter (field = 'dead-letter-routing-key'), queue)
              in (select name from told where kind = 'queue')
            else exists (select 1 from told where kind = 'binding' and starts_with(name, dead_letter_exchange || ' -> ')) end as reachable
from settings group by queue;

-- queue_balance: one row a queue that the broker counted: published to it, acknowledged (or taken without), left in it, and what is short.
-- short: left the queue with no acknowledgement (refused, expired, over the limit, purged), less what came in as a dead letter, which no
-- counter tells. sure: it was counted without a gap and by rules that hold for it; what is not sure is claimed by nobody.
-- Left out are queues of what workers tell each other: they delivered messages, and never one with a task's id.
create table queue_balance as
with talk as (select queue from wire where event = 'deliver' and queue is not null group by queue having count(task) = 0),
counts as (
  select queue,
         coalesce(sum(added) filter (name = 'queue_exchange_messages_published_total'), 0)::bigint as published,
         coalesce(sum(added) filter (name in ('queue_messages_acked_total', 'queue_messages_delivered_total', 'queue_get_total')), 0)::bigint
           as acked,
         bool_or(reset) as reset
  from metric_changes where queue is not null and queue not in (from talk) group by queue
),
node as (
  select (select count(*) from broker_starts) > 1 or exists (
           select 1 from timeline where event = 'container' and name = 'broker' and state = 'started' and "at" > (select min("at") from metrics)
         ) as restarted, coalesce(bool_or(phase = 'collect'), false) as finished,
         coalesce(bool_or(name like 'global_messages_delivered_total{%' and value > 0 and not contains(name, '"amqp091"')), false) as foreign_protocol
  from metrics
),
left_in as (  -- a queue of dead letters may have no counter of its own
  select queue, count(*) as depth from leftovers where queue is not null and exists (select 1 from metrics) group by queue
),
refused as (
  select queue, count(*) as refused from wire semi join counts using (queue)
  where event in ('nack', 'reject') and not coalesce(requeue, event = 'nack') group by queue
)
select queue, type, coalesce(published, 0) as published, coalesce(acked, 0) as acked, coalesce(refused, 0) as refused,
       coalesce(depth, 0) as depth, coalesce(published, 0) - coalesce(acked, 0) - coalesce(depth, 0) as short, dead_letter_exchange,
       not coalesce(reset, false) and not restarted and finished and not foreign_protocol and coalesce(type, '') <> 'stream'
         and not starts_with(coalesce(overflow, ''), 'reject-publish') as sure
from counts full join left_in using (queue) left join refused using (queue) left join queue_settings using (queue) cross join node;

-- dropped: one row a place where messages went away, by the broker's own counters: how many, why, and the step where that is known.
-- place: the queues, or the exchange. What is short over all queues is what no queue and no acknowledgement accounts for: of one queue
-- alone it may have arrived in another as a dead letter. What may have arrived in a queue that is not sure is not claimed.
create table dropped as
with sums as (
  select coalesce(sum(greatest(short, 0)) filter (sure), 0) as gone, coalesce(sum(greatest(-short, 0)) filter (sure), 0) as arrived,
         count(*) filter (sure and short > 0) as places,
         coalesce(sum(greatest(short - refused, 0)) filter (sure and short > 0), 0) as unrefused,
         coalesce(bool_or(not sure), false) as unsure
  from queue_balance
),
letters as (select coalesce(sum(dropped), 0)::bigint as dropped, coalesce(sum(sent_on), 0)::bigint as sent_on from dead_lettered),
net as (
  select *, (gone - arrived - case when unsure then sent_on else 0 end)::bigint as lost,
         case when unsure then 0 else greatest(sent_on - arrived, 0) end::bigint as astray
  from sums, letters
),
shares as (  -- each queue's own number, where the numbers add up to what is lost over all
  select queue, dead_letter_exchange, case when places = 1 then lost when lost = gone then short when lost = unrefused then greatest(short - refused, 0) end as lost
  from queue_balance, net where sure and short > 0 and lost > 0
),
named as (
  select queue as place, [queue] as queues, lost, dead_letter_exchange from shares where lost > 0
  union all
  select string_agg(queue, ' and ' order by queue), list(queue order by queue), any_value(net.lost),
         case when count(distinct dead_letter_exchange) = 1 then any_value(dead_letter_exchange) end
  from shares, net where shares.lost is null having count(*) > 0
),
reasons as (
  select string_agg(format('{:,} {}', dropped, case reason when 'expired' then 'expired' when 'maxlen' then 'went over its length limit'
                             when 'rejected' then 'were refused by a consumer' when 'delivery_limit' then 'were delivered too often'
                             else reason end), ', ' order by reason) as counted,
         min(since) as since, min("at") as "at"
  from dead_lettered where dropped > 0
),
missing_exchange as (
  select place, min(dead_letter_exchange) as exchange from named
  where dead_letter_exchange <> '' and exists (select 1 from topology where moment = 'after')
    and dead_letter_exchange not in (select name from topology where moment = 'after' and kind = 'exchange')
    and not starts_with(dead_letter_exchange, 'amq.')
  group by place
),
purges as (select queue, max("at") as "at", sum("count") as purged, max(peer) as peer from wire where event = 'purge' and "count" > 0 group by queue),
first_drops as (select queue, arg_min(step, end_at) as step, bool_or(not still_there) as gone from queue_drops group by queue),
routed as (  -- a dead letter cannot go astray where there is a queue for it
  select place, queues, named.lost, dead_letter_exchange,
         case when list_has_all((select coalesce(list(queue), []) from queue_settings where reachable), queues) then 0 else astray end as astray
  from named cross join net
),
parts as (
  select place, queues, routed.lost, reasons.since, reasons."at", [
    counted || case when exchange is null then ', with no dead-letter exchange to take them' else format(', and the dead-letter exchange {} is not there', exchange) end,
    case when routed.astray > 0 then format('{:,} dead-lettered, and in no queue', routed.astray) end,
    case when net.lost > net.dropped + routed.astray
         then case when net.dropped + routed.astray = 0 then '' else format('{:,} ', net.lost - net.dropped - routed.astray) end
         || case when exists (select 1 from first_drops where gone and list_contains(queues, first_drops.queue)) then 'gone with the queue'
                 else 'for no reason that the broker counts, as when a queue is purged' end end
  ] as why
  from routed cross join net cross join reasons left join missing_exchange using (place)
),
of_queues as (
  select *, format('{:,} {} left {} without an acknowledgement: {}.', lost, case when lost = 1 then 'message' else 'messages' end, place,
                   array_to_string(list_filter(why, lambda part: part is not null), '; ')) as told
  from parts
)
select 'queue' as kind, place, lost, told as why,
       coalesce((select step_at(max(purges."at")) from purges where list_contains(queues, purges.queue)),
                (select min(step) from first_drops where list_contains(queues, first_drops.queue)), counted.step) as step
from of_queues cross join (  -- the broker counts now and then: between two of its numbers one step alone must have run
  select case when step_at(since) = last then last end as step from (select since, step_at("at") as last from reasons)
) as counted
union all
select 'queue', queue, short - coalesce(expired, 0), format('The queue {} went away with at least {:,} in it.', queue, short - coalesce(expired, 0)), step
from queue_drops cross join (select sum(dropped + sent_on) as expired from dead_lettered where reason <> 'rejected')
where not still_there and queue not in (select queue from queue_balance where sure) and complete('wire') and complete('counters') and exists (select 1 from metrics) and short > coalesce(expired, 0)
union all
select 'exchange', exchange, sum(added)::bigint,
       format('{:,} {} published to {} could not be routed and {} dropped.', sum(added)::bigint, case when sum(added) = 1 then 'message' else 'messages' end,
              case when exchange = '' then 'the default exchange' else 'the exchange ' || exchange end, case when sum(added) = 1 then 'was' else 'were' end),
       null
from metric_changes where name = 'exchange_messages_unroutable_dropped_total' group by exchange having sum(added) > 0;

-- metrics_doubt: why the broker's counters do not tell all, in a run that began to read them.
create view metrics_doubt as
with begun as (select 1 from timeline where event = 'note' and name = 'metrics' limit 1)
select reason from evidence, begun where evidence.name in ('metrics', 'topology') and state <> 'complete'
union all
select 'the broker''s counters were not read at the end' from begun
where complete('metrics') and not exists (select 1 from metrics where phase = 'collect');
