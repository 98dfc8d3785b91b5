-- outbox_empty: At the end nothing waits in the outbox.
-- needs: leftovers
-- needs complete: leftovers
-- in words: 1 task was left in the outbox | {count} tasks were left in the outbox
--
-- A row that nobody publishes any more is a task that was promised and never sent: the relay was stopped and not started again, or it
-- skipped the row. What the scenario's `outbox.query` gives after settling counts; without that section nobody looked, and the verdict is
-- `inconclusive`.
--
-- A finding:
--
--     charge-000412  It still waits in the outbox.
select task, format('It {}.', remaining('outbox', null)) as why, null as step, false as inconclusive
from leftovers where state = 'outbox' group by task
union all
select null, 'the scenario has no outbox to look into', null, true
where not declared('outbox') and not exists (select 1 from leftovers where state = 'outbox');
