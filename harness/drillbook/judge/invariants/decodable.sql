-- decodable: Every message that is left for the old version can be decoded by it.
-- needs: timeline, wire, leftovers, decoded
-- needs complete: nothing
-- in words: 1 message is left for a version that cannot decode it | {count} messages are left for a version that cannot decode them
--
-- The worker of the version that the scenario names under `decode:` is asked, dry, of every message that was delivered from the moment the
-- playbook started, and of every one that remains after settling. This breaks when it cannot decode one that it got in that time, or that
-- remains in a queue from which it consumed. What it cannot decode and does not get (drained by the new version, moved aside, waiting in a
-- queue that it does not consume) is in the report's table of compatibility and breaks nothing.
--
-- A delivery to a worker in that time of which nobody was asked gives `inconclusive`: the bound `decode.most` was reached, or the tap began too
-- late. Decoding is what the worker's own command says it is; that it does the task rightly then is not proven.
--
-- The step blamed is the one in which the operator had published the task before that, or else the one in which the version got it.
--
-- A finding:
--
--     refund-000412  workers.v1.1 got it from tasks.v1 and cannot decode it: no handler for tasks of type refund.  (step "move leftovers")
with unreadable as (select * from left_messages where for_it and not ok),
republished as (
  select unreadable.message, max(wire."at") as "at"
  from unreadable join wire on wire.task = unreadable.task and wire.event = 'publish' and wire.peer = 'operator' and wire."at" <= unreadable."at"
  group by unreadable.message
),
first_seen as (  -- of a task that was seen in several places, the first
  select *, row_number() over (partition by coalesce(task, message::varchar) order by "at", message) as nth from unreadable
),
not_asked as (
  select count(*) as deliveries
  from wire, phases
  where phases.name = 'playbook' and wire.event = 'deliver' and wire."at" >= begin_at and wire.task is not null
    and version_of(wire.version, wire.peer) is not null
    and (version_of(wire.version, wire.peer) in (select "by" from decoded) or not exists (select 1 from decoded))
    and not exists (select 1 from decoded where decoded.task = wire.task and seen = 'delivered' and decoded.queue is not distinct from wire.queue
                    and version_of(to_version, decoded.peer) is not distinct from version_of(wire.version, wire.peer))
)
select task,
       format('{} and cannot decode it: {}.',
              case seen when 'delivered' then format('{} got it{}', coalesce(peer, "by"), coalesce(' from ' || queue, ''))
                   else format('{} will get it{}', "by", coalesce(' from ' || queue, '')) end,
              rtrim(coalesce(reason, 'it does not say why'), '.')) as why,
       coalesce(step_at(republished."at"), step_at(first_seen."at")) as step, false as inconclusive
from first_seen left join republished using (message) where nth = 1
union all
select null, format('{:,} {} since the playbook started {} not shown to the worker that decodes', deliveries,
                    case when deliveries = 1 then 'delivery' else 'deliveries' end, case when deliveries = 1 then 'was' else 'were' end), null, true
from not_asked where deliveries > 0;
