-- What the workers write, of every task type. Run once before any of them starts.

create table inbox (
    task text primary key              -- the idempotency key: a task is done once, by whichever type of worker, however often it is delivered
);

create table effects (                 -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    type text not null,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp()
);

create table task_state (
    task text primary key,
    state text not null check (state in ('completed', 'failed')),
    version text not null,
    worker text not null,
    updated_at timestamptz not null default clock_timestamp()
);
