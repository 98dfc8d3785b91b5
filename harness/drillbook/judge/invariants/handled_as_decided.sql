-- handled_as_decided: Every task that the rollback script decided on ended as it decided, and was handled once.
-- needs: handled, wire, effects, leftovers
-- needs complete: nothing
-- in words: 1 task did not end as it was decided | {count} tasks did not end as they were decided
--
-- What was decided is in the script's own ledger (`handled` in the scenario). It decides on a task once, and says of each that it was
-- carried out. Then
--
-- - `failed`: it was not done, neither before nor after, waits nowhere to be done all the same, and where the workers' table of states is
--   read, is failed there;
-- - `rescheduled`: it had not been done by then, and was done once afterwards;
-- - `left`: nothing is asked of the task itself;
-- - and the operator sends no task, from the first decision on, that is not rescheduled: the ledger knows all that the script does.
--
-- A script without a ledger cannot be judged by this, and is `inconclusive`. What the playbook sends through the management API, and what a
-- shovel moves, passes no wire tap. The step blamed is the one in which the task was decided on or sent.
--
-- A finding:
--
--     payout-000037  It was marked failed, and then done by workers.v2.1.  (step "apply")
with ledger as (
  select task, count(*) as times, arg_max(decision, coalesce("at", 0)) as decision, max("at") as "at", max(done_at) as done_at,
         arg_max(rule, coalesce("at", 0)) as rule
  from handled group by task
),
said as (  -- of a task with several states the newest
  select task, arg_max(state, coalesce("at", 0)) as state from states group by task
),
done_by as (
  select task, "at", worker from done semi join ledger using (task)
),
facts as (
  select ledger.*, state, missing_from, coalesce(tasks.effects, 0) as effects,
         coalesce(list_has_any(remains, ['ready', 'delayed', 'unacked', 'outbox']), false) as waits,
         (select arg_min(worker, done_by."at") from done_by where done_by.task = ledger.task and done_by."at" < ledger."at") as before_by,
         (select count(*) from done_by where done_by.task = ledger.task and done_by."at" < ledger."at") as before,
         (select arg_min(worker, done_by."at") from done_by where done_by.task = ledger.task and done_by."at" >= ledger."at") as after_by
  from ledger left join all_tasks as tasks using (task) left join said using (task)
),
wrong as (
  select task, "at", effects = 0 and decision = 'rescheduled' and not (complete('effects') and complete('leftovers')) as inconclusive, case
    when times > 1 then format('It was decided on {} times.', times)
    when decision = 'left' and done_at is not null then null
    when decision = 'failed' and effects > 0 and before > 0 then format('It was marked failed, though {} had done it.', coalesce(before_by, 'a worker'))
    when decision = 'failed' and effects > 0 then format('It was marked failed, and then done by {}.', coalesce(after_by, 'a worker'))
    when decision = 'failed' and waits then 'It was marked failed, and still waits to be done.'
    when decision = 'rescheduled' and before > 0 then format('It was rescheduled, though {} had done it.', coalesce(before_by, 'a worker'))
    when done_at is null then format('It was to be {}, and the ledger does not say that this was done.', decision)
    when decision = 'failed' and state <> 'failed' then format('It was marked failed, and the table of states says {}.', state)
    when decision = 'rescheduled' and effects = 0 then format('It was rescheduled, and {}.', not_done(coalesce(missing_from, [])))
    when decision = 'rescheduled' and effects > 1 then format('It was rescheduled, and done {} times.', effects)
  end as why
  from facts
),
sent as (
  select wire.task, min(wire."at") as "at", any_value(decision) as decision
  from wire left join ledger using (task)
  where event = 'publish' and peer = 'operator' and wire.task is not null and decision is distinct from 'rescheduled'
    and wire."at" >= (select min("at") from handled)
  group by wire.task
)
select task, why, step_at("at") as step, inconclusive from wrong where why is not null
union all
select task, case when decision is null then 'The operator sent it, and the ledger does not know it.'
                  else format('It was to be {}, and the operator sent it all the same.', decision) end,
       step_at("at"), decision is null and not complete('handled')
from sent where task not in (select task from wrong where why is not null);
