-- playbook_succeeded: The playbook ended by itself, with exit code 0.
-- needs: timeline
-- needs complete: nothing
-- in words: the playbook failed | the playbook failed
--
-- Of a playbook that was run again, the last run counts. The step blamed is the one that failed or never ended, else the last one. A
-- playbook that never started, or whose end nobody saw, gives `inconclusive`.
--
-- A finding:
--
--     The playbook ended with exit code 3.  (step "drain v2")
with run as (select * from phases where name = 'playbook'),
within as (select steps.* from steps, run where program = 'playbook' and steps.begin_at between run.begin_at and coalesce(run.end_at, steps.begin_at)),
blamed as (select arg_max(name, {failed: steps_failed, begin_at: begin_at}) as step
           from (select *, end_at is null or coalesce(exit_code, 0) <> 0 as steps_failed from within))
select null as task,
       case when ended = 'timeout' then 'The playbook was still running at its timeout and was killed.'
            when exit_code is null then 'the playbook ended, and its exit code is not known'
            else format('The playbook ended with exit code {}.', exit_code) end as why,
       step, ended <> 'timeout' and exit_code is null as inconclusive
from run, blamed where end_at is not null and (ended = 'timeout' or exit_code is distinct from 0)
union all
select null, 'the playbook began and was not seen to end', step, true from run, blamed where end_at is null
union all
select null, 'the playbook never started', null, true where not exists (select 1 from run);
