-- settings_restored: Every worker works with the settings it had before the deployment.
-- needs: effects, timeline
-- needs complete: nothing
-- in words: 1 worker does not work with its settings again | {count} workers do not work with their settings again
--
-- A worker signs each effect with the release and the hash of the settings it runs with. Compared are its effects from before the
-- deployment began with the last one it left; a worker that never came to do anything again is found too. The witness is the task of that
-- last effect.
with deployed as (select min(begin_at) as "at" from phases where name = 'deployment'),
works as (
  select worker, any_value(version) filter (effects."at" < deployed."at") as before,
         max_by(version, effects."at") as last, max_by(task, effects."at") as task
  from effects, deployed where worker is not null group by worker
)
select task, format('{} did its last task with {}, and worked with {} before the deployment.', worker, last, before) as why,
       null as step, false as inconclusive
from works where before is not null and last <> before
union all
select null, format('{} did nothing before the deployment', worker), null, true from works where before is null
union all
select null, 'no worker left an effect', null, true where not exists (from works);
