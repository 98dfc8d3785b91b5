-- as_the_rules_say: Every task that v2 left behind was decided on, and as rules.yaml has it, by what was seen of it from outside.
-- needs: published, wire, effects, handled, timeline
-- needs complete: nothing
-- parameter queue: queue = tasks.v2 (where the tasks of v2 were)
-- parameter stale: duration = 2s (older than this, a quote that was not done is marked failed)
-- in words: 1 task was decided on otherwise than the rules say | {count} tasks were decided on otherwise than the rules say
--
-- The script's own word for what it found is not taken: whether a task was done is read from the effects, whether v2 had it from the
-- wire, its age from the ledger of publishes. Ages count from a moment in the step "dry run".
with as_of as (select min(begin_at) as earliest, min(end_at) as latest from steps where name = 'dry run'),
behind as (  -- tasks that were in the queue of v2
  select task, bool_or(starts_with(peer, 'workers.')) as had_by_v2, bool_or(peer = 'operator') as had_by_script
  from wire where event = 'deliver' and queue = $queue and task is not null group by task
),
facts as (
  select behind.*, type, decision, handled."at" as decided_at, first_effect_at < as_of.earliest as done, as_of.earliest - intended_at > $stale as old,
         as_of.latest - intended_at < $stale as young
  from behind join tasks using (task) left join handled using (task) cross join as_of
),
wrong as (
  select task, decided_at, case
    when decision is null and (had_by_script or not coalesce(done, false)) then 'v2 left it behind, and nobody decided on it.'
    when decision is null then null
    when coalesce(done, false) and decision <> 'left' then format('It had been done, and was {}.', decision)
    when not coalesce(done, false) and decision = 'left' then 'It had not been done, and was left.'
    when type in ('charge', 'export') and decision = 'failed' then format('It is {}, and no rule marks those failed.', type)
    when type = 'payout' and decision = 'failed' and not had_by_v2 then 'v2 had never begun this payout, and it was marked failed.'
    when type = 'quote' and decision = 'failed' and young then 'Somebody still waited for this quote, and it was marked failed.'
    when type = 'quote' and decision = 'rescheduled' and old then 'Nobody waited for this quote any more, and it was rescheduled.'
  end as why
  from facts
)
select task, why, step_at(decided_at) as step, not complete('handled') or not complete('effects') as inconclusive from wrong where why is not null
