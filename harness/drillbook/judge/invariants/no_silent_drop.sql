-- no_silent_drop: No confirmed task was dropped where no consumer had it.
-- needs: published, wire, effects, leftovers
-- needs complete: wire, effects, leftovers
-- in words: 1 task was dropped in silence | {count} tasks were dropped in silence
--
-- A confirmed task that left no effect and remains nowhere was dropped in silence when its last copy was never delivered (it could not be
-- routed, its queue was purged or deleted, it expired), or when the last consumer that had it put it back or refused it (then also: its
-- dead-letter exchange is not there). One that a consumer acknowledged, or still had, is not for this invariant but for no_lost_tasks.
--
-- Every publish of the task counts as a new copy, those of the playbook too. Of a task with several copies only the last is followed. A
-- delivery that the wire tap does not see (a consumer on a link of its own) looks like a drop. The step is blamed as by no_lost_tasks.
--
-- A finding:
--
--     charge-000412  It was confirmed and not done; the queue tasks.v2 went away with at least 412 tasks in it.  (step "delete v2 queue")
with seen as (
  select task, max(seq) filter (event = 'publish') as published_seq, max(seq) filter (event = 'deliver') as delivered_seq,
         max(seq) filter (event in ('nack', 'reject')) as refused_seq
  from wire semi join vanished using (task)
  group by task
)
select task, case when delivered_seq is null and step is null then 'It was confirmed, but never delivered, and remains nowhere.' else why end as why,
       step
from vanished left join seen using (task)
where delivered_seq is null or published_seq > delivered_seq or refused_seq > delivered_seq;
