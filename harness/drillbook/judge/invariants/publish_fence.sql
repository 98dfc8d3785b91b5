-- publish_fence: After the step, nobody publishes that any more.
-- needs: published, timeline
-- needs complete: nothing
-- parameter after: step (the step after which it must be)
-- parameter type: text = none (only tasks of this type; none: of any)
-- parameter version: text = none (only messages of this version; none: of any)
-- parameter grace: duration = 0s (how long after the step it may still happen, such as the time a feature flag takes to arrive)
-- in words: 1 task was published too late | {count} tasks were published too late
--
-- The publishers' ledger holds no attempt of that type and version that was sent later than `grace` after the step had ended; of a step that
-- ran more than once, after its last end. `version_fence` judges who handles tasks, this judges who makes them: a scheduler, or a producer with a
-- stale feature flag, that goes on with what was rolled back. A step that never ran, never ended, or ended only because its program was
-- ended gives `inconclusive`; so does a ledger without a publish of the kind before the step, for then nothing was to be ended. What was
-- published after a `grace` while the machine was starved gives it too.
--
-- A finding:
--
--     report_v2-000412  Published 4.1 s after the step had ended; 1.0 s are allowed.  (step "turn flag off")
with fence as (
  select max(begin_at) as begin_at, max(end_at) as "at", arg_max(end_at is null, begin_at) as open,
         arg_max(cut_short, begin_at) as cut_short
  from steps where name = $after
),
sent as (
  select task, sent_at from published
  where sent_at is not null and ($type is null or type = $type) and ($version is null or version = $version)
),
first_late as (
  select task, any_value(fence."at") as fence_at, min(sent_at) as first_at from sent, fence where sent_at > fence."at" + $grace group by task
),
late as (select *, case when $grace > 0 then starved(fence_at, first_at) end as busy from first_late)
select task,
       case when busy is null then format('Published {} after the step had ended; {} are allowed.', seconds_of(first_at - fence_at), seconds_of($grace))
            else format('{} was published {} after the step had ended, {} are allowed: {}', task, seconds_of(first_at - fence_at),
                        seconds_of($grace), busy) end as why,
       $after as step, busy is not null as inconclusive
from late, fence where not open and not cut_short
union all
select null, format(case when begin_at is null then 'the step "{}" never ran' when open then 'the step "{}" never ended'
                         else 'the step "{}" ended only because its program was ended' end, $after), $after, true
from fence where begin_at is null or open or cut_short
union all
select null, 'nothing of the kind was published before the step', $after, true
from fence where begin_at is not null and not open and not cut_short and not exists (select 1 from sent, fence where sent_at <= fence."at");
