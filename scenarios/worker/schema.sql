-- What the reference worker writes. Run once before any worker starts; every version can use it.

create table inbox (
    message text primary key,                       -- the idempotency key: a message is done once, however often it is delivered
    worker text not null,
    at timestamptz not null default clock_timestamp()
);

create table effects (                              -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    key text,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp(),
    wait_ms double precision not null               -- from the moment the task was meant to be sent until its effect
);
create index on effects (at);

create table task_state (
    task text primary key,
    state text not null check (state in ('queued', 'executing', 'completed', 'failed')),
    version text not null,                          -- of the worker that moved it to this state
    worker text not null,
    updated_at timestamptz not null default now()
);
