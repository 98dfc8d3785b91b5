-- topology_restored: What is declared on the broker, and who consumes, is as it was before the deployment.
-- needs: topology
-- needs complete: topology
-- parameter allow: list[text] = [] (queues, exchanges and policies that may differ, with their bindings and consumers; * stands for anything, as in celeryev.*)
-- parameter consumers: present|count|ignore = present (what must be as before: that a version consumes from a queue, by how many consumers, or neither)
-- in words: 1 thing on the broker is not as it was | {count} things on the broker are not as they were
--
-- Compared are queues, exchanges, bindings and policies with all their settings, and the consumers of each queue by version, between the
-- moment when the stage was ready and nothing was deployed, and the moment when it had settled and the workers still ran. A worker that
-- reconnects is waited for. Queues that belong to one connection, and what the broker names itself (`amq.…`), are left out. A worker that
-- cannot consume because it declares its queue with another type is found as a version that consumes no longer.
--
-- The step blamed is the one in which the queue went away or lost its last consumer. Where one of the two moments is missing, because
-- the drill ended early, it is `inconclusive`.
--
-- Findings:
--
--     workers.v1 no longer consumes from tasks.v1: 2 consumers before, none after.  (step "stop v1")
--     The queue tasks.v2: arguments.x-queue-type was "classic", and is "quorum".
with judged as (
  select * from topology
  where not exists (
      select 1 from (select unnest($allow) as one), (select unnest(case when kind = 'binding' then [name,
        regexp_extract(name, '^(.+?) -> (queue|exchange) ', 1), regexp_extract(name, ' -> (queue|exchange) (.+?)( with "| \{|$)', 2)
      ] else [name] end) as part)
      where part = one or part like replace(replace(replace(replace(one, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') escape '\')
    and ($consumers <> 'ignore' or kind <> 'consumer')
),
compared as (
  select kind, name, field, min(value) filter (moment = 'before') as old, min(value) filter (moment = 'after') as new
  from judged group by kind, name, field
),
things as (select kind, name, bool_or(moment = 'before') as was, bool_or(moment = 'after') as "is" from judged group by kind, name),
gone as (  -- the first step at whose end the queue was not there, and the last one in which its last consumer went
  select starts.queue, arg_min(starts.step, ends."at") filter (starts."exists" and not ends."exists") as deleted_in,
         arg_max(starts.step, ends."at") filter (starts.consumers > 0 and coalesce(ends.consumers, 0) = 0) as deserted_in
  from counters as starts join counters as ends
    on starts.queue = ends.queue and starts.step = ends.step and starts.edge = 'start' and ends.edge = 'end' and ends."at" >= starts."at"
  group by starts.queue
),
missing as (select 1 from (values ('before'), ('after')) as needed (moment) where moment not in (select moment from topology))
select null as task, format('The {} {} {}.', kind, name, case when was then 'is gone' else 'was not there before' end) as why,
       case when kind = 'queue' and was then deleted_in end as step, false as inconclusive
from things left join gone on queue = name
where was <> "is" and kind <> 'consumer' and not exists (select 1 from missing)
union all
select null, format('The {} {}: {} was {}, and is {}.', kind, name, field, coalesce(old, 'not set'), coalesce(new, 'not set')), null, false
from compared join things using (kind, name)
where was and "is" and old is distinct from new and kind <> 'consumer' and not exists (select 1 from missing)
union all
select null, format('{} {} {}: {} before, {} after.', field,
                    case when new is null then 'no longer consumes from' when old is null then 'still consumes from' else 'has not as many consumers on' end, name,
                    case old when null then 'none' when '1' then '1 consumer' else coalesce(old || ' consumers', 'none') end, coalesce(new, 'none')),
       case when new is null then deserted_in end, false
from compared left join gone on queue = name
where kind = 'consumer' and (old is null or new is null or ($consumers = 'count' and old <> new)) and not exists (select 1 from missing)
union all
select null, format('what is on the broker was not read {}', case moment when 'before' then 'before the load' else 'after settling' end), null, true
from (values ('before'), ('after')) as needed (moment) where moment not in (select moment from topology);
