create table inbox (
    message text primary key -- the idempotency key: a task is done once, however often it is delivered
);

create table effects ( -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    key text not null,
    version text not null, -- the settings under which it was done: release and hash, such as v1-8c1d2e
    worker text not null,
    at timestamptz not null default clock_timestamp(),
    wait_ms double precision not null -- from the moment the task was meant to be sent until its effect
);
create index on effects (at);

create table task_state (
    task text primary key,
    state text not null check (state in ('queued', 'executing', 'completed')),
    version text not null, -- the settings of the worker that moved it to this state
    worker text not null,
    updated_at timestamptz not null default clock_timestamp()
);
