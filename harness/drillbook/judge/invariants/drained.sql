-- drained: At the end the queue holds no task.
-- needs: leftovers
-- needs complete: leftovers
-- parameter queue: queue (the queue that must be empty)
-- in words: 1 task was left in the queue that must be empty | {count} tasks were left in the queue that must be empty
--
-- Whatever remains in the queue after settling counts: waiting, or unacknowledged by a consumer that never acknowledged it. A queue that is gone is
-- empty; whether its tasks were done is for no_lost_tasks to say.
--
-- A finding:
--
--     charge-000007  It still waits in tasks.v2.
select task, format('It {}.', min(remaining(state, queue))) as why, null as step
from leftovers where queue = $queue
group by task;
