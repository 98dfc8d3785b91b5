-- steps: one row each time a step of the playbook or the deployment ran.
create table steps as
with edges as (select coalesce(program, 'playbook') as program, name, state, "at", exit_code from timeline where event = 'step'),
begins as (
  select program, name, "at" as begin_at, lead("at") over (partition by program, name order by "at") as next_at
  from edges where state = 'begin'
),
ends as (select * from edges where state = 'end'),
runs as (
  select begins.program, begins.name, begin_at, min(ends."at") as end_at, arg_min(ends.exit_code, ends."at") as exit_code
  from begins left join ends
    on begins.program = ends.program and begins.name = ends.name and ends."at" >= begin_at and (next_at is null or ends."at" <= next_at)
  group by begins.program, begins.name, begin_at
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
