-- state_consistent: What the workers' own table says of a task is what became of it.
-- needs: published, states, effects, leftovers
-- needs complete: nothing
-- parameter failed: anywhere|aside = anywhere (where a failed task may remain; aside: dead or cancelled, and nowhere else)
-- parameter dead: any|failed = any (what the table must say of a task that remains dead-lettered or cancelled and was not done)
-- in words: the table is wrong about 1 task | the table is wrong about {count} tasks
-- in words stranger: the table knows 1 task that nobody sent | the table knows {count} tasks that nobody sent
--
-- After settling, with the workers stopped:
--
-- - `completed`: it was done, and a task that was done is `completed`;
-- - `executing`: no task, since nobody executes any more; one that remains dead-lettered or cancelled may have been left so by its last worker;
-- - `queued`: it remains where it can still be done: in a queue, in an outbox, or with a consumer; or dead or cancelled;
-- - `failed`: it was not done, and does not wait in a queue, where it would be done all the same;
-- - no row at all: it was never done, and remains somewhere; the table need not know a task before a worker has it;
-- - a task in the table was sent by somebody: by the load, or by somebody else as the wire shows.
--
-- By default a dead or cancelled task may be in any state but `completed`, because no worker hears of a dead letter; where the playbook has
-- to mark them, say `dead: failed`. A failed task need not remain anywhere, as its row is where it remains; or else say `failed: aside`.
-- Of a task with several rows the newest counts. Of a task that only others published nothing is asked, as nobody knows what it owes. A task whose publish was not confirmed is judged only by what is there of it.
--
-- The step blamed is the one in which the worker that brought it into this state was stopped, or else the one in which it came into it.
--
-- A finding:
--
--     charge-000037  The table says executing, and nobody executes any more.  (step "stop v2")
with rows_of as (
  select task, count(*) as rows, any_value(state) as state, any_value(worker) as worker, max("at") as "at" from states group by task
),
newest as (
  select task, state, worker, "at" from rows_of where rows = 1
  union all
  select task, newest.state, newest.worker, nullif(newest.moment, 0)
  from (select task, max({moment: coalesce("at", 0), state: state, worker: worker}) as newest
        from states semi join (select task from rows_of where rows > 1) using (task) group by task)
),
facts as (
  select task, state, worker, "at", outcome, missing_from, state is not null and never_sent(outcome, sent_at) as unsent,
         coalesce(effects, 0) > 0 as done,
         coalesce(list_has_any(remains, ['ready', 'delayed', 'unacked', 'outbox']), false) as waits,
         coalesce(list_has_any(remains, ['dead', 'cancelled']), false) as aside
  from tasks full join newest using (task)
  where state is not null or outcome = 'ok' or effects > 0
),
wrong as (
  select *, case
    when unsent then null
    when state is null and done then 'It was done, and the table does not know it'
    when state is null and not waits and not aside then 'The table does not know it, and it left no effect and remains nowhere'
    when state <> 'completed' and done then format('The table says {}, but it was done', state)
    when state = 'completed' and not done
      then 'The table says completed, but it left no effect' || coalesce(' in ' || array_to_string(missing_from, ', '), '')
    when state = 'executing' and not aside then 'The table says executing, and nobody executes any more'
    when state = 'queued' and not waits and not aside then 'The table says queued, and it remains nowhere'
    when state = 'failed' and waits then 'The table says failed, but it still waits to be done'
    when state = 'failed' and $failed = 'aside' and not aside then 'The table says failed, and it is neither dead-lettered nor cancelled'
    when aside and not done and $dead = 'failed' and state <> 'failed' then format('The table says {}, but it was set aside', state)
  end as why
  from facts
),
unsent as (select * from facts where unsent),
strangers as (
  select * from unsent anti join (select task from wire semi join unsent using (task) where event = 'publish') as seen using (task)
),
halts as (
  select wrong.task, min(stops."at") as "at" from wrong join stops on stops.name = worker and stops."at" >= wrong."at"
  where why is not null group by wrong.task
)
select task, why || '.' as why, coalesce(step_at(halts."at"), step_at(wrong."at")) as step, null as kind,
       not complete('effects') or not complete('leftovers') or not complete('states') as inconclusive
from wrong left join halts using (task) where why is not null
union all
select task, format('The table says {}, but {}.', state, unsent(outcome)), step_at("at"), 'stranger',
       not complete('published') or (outcome is null and not complete('wire'))
from strangers;
