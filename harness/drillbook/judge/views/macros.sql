-- complete(name): whether that evidence is there and complete.
create macro complete(stem) as exists (select 1 from evidence where evidence.name = stem and state = 'complete');
-- whole(name): the same, as invariants written for format 1 of the run directory call it.
create macro whole(stem) as complete(stem);
-- declared(section): whether the scenario has that section.
create macro declared(section) as exists (select 1 from sections where sections.name = section);
-- several_sources(): whether effects are read from sources that have names.
create macro several_sources() as exists (select 1 from sources where name is not null);
-- left_no_effect(missing_from): "left no effect", with the sources it is missing from where they have names.
create macro left_no_effect(missing) as
  'left no effect' || case when len(missing) > 0 then ' in ' || array_to_string(missing, ' or ') else '' end;
-- not_done(missing_from): "was not done", or what it left no effect in.
create macro not_done(missing) as case when len(missing) > 0 then left_no_effect(missing) else 'was not done' end;
-- never_sent(outcome, sent_at): whether the load sent no such task: the ledger (as in tasks) does not know it, or knows that it was not sent.
create macro never_sent(outcome, sent_at) as outcome is null or (outcome in ('skipped', 'fail') and sent_at is null);
-- unsent(outcome): that, in words.
create macro unsent(outcome) as case when outcome is null then 'nobody published it' when outcome = 'skipped' then 'it was skipped and never sent'
                                     else 'its publish failed before it was sent' end;
-- counted(n): "1 task", "412 tasks".
create macro counted(n) as case when n = 1 then '1 task' else format('{:,} tasks', n::bigint) end;
-- seconds_of(ns): "1.3 s".
create macro seconds_of(ns) as format('{:.1f} s', ns / 1e9);
-- version_of(version, container): the version said, or the one in the name of a worker container, workers.v2.1.
create macro version_of(version, container) as
  coalesce(case when container like 'workers.%' then split_part(container, '.', 2) end, version);
-- remaining(state, queue): where a task remains, in words.
create macro remaining(state, queue) as case state
  when 'ready' then 'still waits' || coalesce(' in ' || queue, '')
  when 'delayed' then 'still waits for its time' || coalesce(' in ' || queue, '')
  when 'unacked' then 'is still unacknowledged' || coalesce(' by a consumer of ' || queue, ' by a consumer')
  when 'outbox' then 'still waits in the outbox'
  when 'dead' then 'is dead-lettered' || coalesce(' in ' || queue, '')
  when 'cancelled' then 'was cancelled' end;
