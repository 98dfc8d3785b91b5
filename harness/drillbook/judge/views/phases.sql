-- phases: one row a phase of the drill, its last run: when it began and ended, and how.
create table phases as
with edges as (select name, state, "at", exit_code, seconds, detail from timeline where event = 'phase'),
begins as (select name, max("at") as begin_at from edges where state = 'begin' group by name),
ends as (select edges.* from edges join begins on edges.name = begins.name and "at" >= begin_at where state <> 'begin')
select begins.name, begin_at, min("at") as end_at,
       arg_min(state, "at") as ended,  -- end or timeout
       arg_min(exit_code, "at") as exit_code,
       arg_min(detail, "at") as detail
from begins left join ends using (name)
group by begins.name, begin_at;
