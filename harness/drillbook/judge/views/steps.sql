-- steps: one row each time a step of the playbook or the deployment ran.
create table steps as
with edges as (select coalesce(program, 'playbook') as program, name, state, "at", exit_code from timeline where event = 'step'),
begins as (
  select program, name, "at" as begin_at, lead("at") over ordered as next_at, lag("at") over ordered as last_at
  from (select distinct program, name, "at" from edges where state = 'begin') window ordered as (partition by program, name order by "at")
),
ends as (select * from edges where state = 'end'),
later as (  -- an end at the very moment of the next begin is of the run before that
  select begins.program, begins.name, begin_at, last_at, min(ends."at") as end_at, arg_min(ends.exit_code, ends."at") as exit_code
  from begins left join ends
    on begins.program = ends.program and begins.name = ends.name and ends."at" > begin_at and (next_at is null or ends."at" <= next_at)
  group by begins.program, begins.name, begin_at, last_at
),
at_once as (  -- unless there is one more there, of a run that took no time
  select later.program, later.name, begin_at, arg_max(ends.exit_code, coalesce(ends.exit_code, -1)) as exit_code, count(*) as ends
  from later join ends on later.program = ends.program and later.name = ends.name and ends."at" = begin_at
  group by later.program, later.name, begin_at
),
runs as (
  select later.program, later.name, later.begin_at, case when at_once.ends > coalesce(before.claimed, 0) then later.begin_at else later.end_at end as end_at,
         case when at_once.ends > coalesce(before.claimed, 0) then at_once.exit_code else later.exit_code end as exit_code
  from later
  left join at_once on later.program = at_once.program and later.name = at_once.name and later.begin_at = at_once.begin_at
  left join (select program, name, end_at, count(*) as claimed from later group by program, name, end_at) as before
    on later.program = before.program and later.name = before.name and later.begin_at = before.end_at
),
program_ends as (select name as program, "at" from timeline where event = 'phase' and state <> 'begin')
select runs.program, runs.name, runs.begin_at, runs.end_at, runs.exit_code,
       coalesce(runs.end_at, min(program_ends."at")) as until_at,  -- a step that never ended stopped with its program
       -- the last step of a program that the harness ended, in an interrupted drill (no end of the phase) or at its timeout, ended with it
       coalesce(any_value(phases.begin_at) <= runs.begin_at
         and runs.begin_at = max(runs.begin_at) over (partition by runs.program)
         and (any_value(phases.end_at) is null or (any_value(phases.ended) = 'timeout' and runs.exit_code is null)), false) as cut_short
from runs
left join program_ends on program_ends.program = runs.program and program_ends."at" >= runs.begin_at
left join phases on phases.name = runs.program
group by runs.program, runs.name, runs.begin_at, runs.end_at, runs.exit_code;

-- step_at(moment): the step that ran at a moment, the playbook's before the deployment's; NULL when none did.
create macro step_at(moment) as (
  select arg_max(name, {playbook: program = 'playbook', begin_at: begin_at})
  from steps where begin_at <= moment and (until_at is null or moment <= until_at)
);
