-- version_fence: After the step, that version does nothing and gets nothing.
-- needs: effects, wire, timeline
-- needs complete: nothing
-- parameter version: version (the version that must be out)
-- parameter after: step (the step after which it must be)
-- in words: 1 task reached the version that was rolled back | {count} tasks reached the version that was rolled back
--
-- No effect by a worker of the version, no delivery to one, and no task published by one after the step had ended; of a step that ran more
-- than once, after its last end. An effect after that which tells neither version nor worker may be anybody's, and gives `inconclusive`.
-- A step that never ran, never ended, or ended only because its program was ended (the drill was interrupted, or the timeout
-- came) gives `inconclusive`.
--
-- A finding:
--
--     notify-000081  Done by workers.v2.1 1.3 s after the step had ended.  (step "stop v2")
with fence as (
  select max(begin_at) as begin_at, max(end_at) as "at", arg_max(end_at is null, begin_at) as open,
         arg_max(cut_short, begin_at) as cut_short
  from steps where name = $after
),
late as (
  select task, effects."at", format('Done by {}', coalesce(worker, $version)) as what, 1 as rank
  from effects, fence
  where effects."at" > fence."at" and (version is not distinct from $version or version_of(version, worker) = $version)
  union all
  select task, wire."at", format(case event when 'deliver' then 'Delivered to {}' else 'Published by {}' end, coalesce(peer, $version)),
         case event when 'deliver' then 2 else 3 end
  from wire, fence
  where (event = 'deliver' or (event = 'publish' and task is not null)) and wire."at" > fence."at" and version_of(version, peer) = $version
),
anybodys as (
  select task, effects."at" - fence."at" as late from effects, fence
  where effects."at" > fence."at" and version_of(version, worker) is null and not open and not cut_short
)
select task, format('{} {} after the step had ended.', arg_min(what, {rank: rank, moment: late."at"}),
                    seconds_of(arg_min(late."at" - fence."at", {rank: rank, moment: late."at"}))) as why,
       $after as step, false as inconclusive
from late, fence where not open and not cut_short group by task
union all
select null, format(case when begin_at is null then 'the step "{}" never ran' when open then 'the step "{}" never ended'
                         else 'the step "{}" ended only because its program was ended' end, $after), $after, true
from fence where begin_at is null or open or cut_short
union all
select null, format('{} of {} after the step had ended {} not say which version did it, the first {} after it', case when count(*) = 1 then 'an effect' else format('{:,} effects', count(*)) end,
                    counted(count(distinct task)), case when count(*) = 1 then 'does' else 'do' end, seconds_of(min(late))), $after, true
from anybodys having count(*) > 0;
