-- no_silent_drop: No confirmed task was dropped where no consumer had it.
-- needs: published, wire, effects, leftovers
-- needs complete: wire, effects, leftovers
-- in words: 1 task was dropped in silence | {count} tasks were dropped in silence
--
-- A confirmed task that left no effect and remains nowhere was dropped in silence when its last copy was never delivered (it could not be
-- routed, its queue was purged or deleted, it expired), or when the last consumer that had it put it back, refused it (then also: its
-- dead-letter exchange is not there), or lost its channel with it in hand. One that a consumer acknowledged, or still had, is not for this invariant but for no_lost_tasks.
--
-- Every publish of the task counts as a new copy, those of the playbook too. Of a task with several copies only the last is followed. A
-- delivery that the wire tap does not see (a consumer on a link of its own) looks like a drop. The step is blamed as by no_lost_tasks.
--
-- A finding:
--
--     charge-000412  It was confirmed and not done; the queue tasks.v2 went away with at least 412 tasks in it.  (step "delete v2 queue")
with these as (select task from vanished),
published_last as (select task, max(seq) as seq from wire where event = 'publish' and task in (select task from these) group by task),
given_last as (
  select task, max(seq) as seq, arg_max(released_by, seq) as released_by from delivered_of('these') group by task
)
select task, case when given_last.seq is null and step is null then 'It was confirmed, but never delivered, and remains nowhere.' else why end as why,
       step
from vanished left join published_last using (task) left join given_last using (task)
where given_last.seq is null or published_last.seq > given_last.seq or released_by in ('nack', 'reject', 'close');
