-- no_lost_tasks: Every confirmed task left an effect, or remains where the playbook may put it.
-- needs: published, effects, leftovers
-- needs complete: effects, leftovers
-- parameter allow: list[state] = [] (where a task may remain without having been done)
-- parameter parked: list[queue] = [] (queues where a task may remain without having been done: parking queues)
-- in words: 1 task is lost | {count} tasks are lost
-- in words remaining: 1 task was not done | {count} tasks were not done
--
-- A task whose publish was confirmed must have an effect, or remain in one of the states that `allow` names: `ready`, `unacked`, `dead`,
-- `outbox`, `cancelled`, or in a queue that `parked` names. A task that remains anywhere else is not lost, but it was not done either, and counts. A publish that was never
-- confirmed is not judged: the task may be there or not.
--
-- A task that is found nowhere is blamed on a step, where the evidence shows it: the step in which its queue was deleted or came up
-- short by more than was delivered, the step in which a worker stopped that had acknowledged it too early, or the step in which a
-- consumer refused it without putting it back.
--
-- A finding:
--
--     charge-000412  It was confirmed and not done; the queue tasks.v2 went away with at least 412 tasks in it.  (step "delete v2 queue")
select task, why, step, null as kind from vanished
union all
select task, format('It {}, and {}.', remaining(remains_in, remains_queue), not_done(missing_from)), null, 'remaining'
from tasks
where outcome = 'ok' and effects = 0 and remains_in is not null and not list_has_any(remains, $allow)
  and not list_has_any(remains_queues, $parked::varchar[]);
