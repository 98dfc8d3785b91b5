-- What the workers and the rollback script write. Run once, before any worker starts.

create table effects (                              -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    key text,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp()
);

create table task_state (
    task text primary key,
    type text not null,
    body bytea not null,                            -- the message, so that a task can be sent again when its message is gone
    state text not null check (state in ('queued', 'executing', 'completed', 'failed')),
    version text not null,                          -- of the worker that had it last
    worker text not null,                           -- who brought it into this state: a worker, or the rollback script
    attempts int not null,
    sent_at timestamptz not null,                   -- when its sender meant to send it: its age counts from here
    updated_at timestamptz not null default now()
);
create index on task_state (state, updated_at);

create table rollback_ledger (                      -- what a rollback decided for each task, and how far it has got with it
    rollback text,                                  -- which rollback: a task may meet another one some day
    task text,
    rule text not null,
    decision text not null check (decision in ('left', 'failed', 'rescheduled')),
    state text not null,                            -- what was decided on
    version text,
    attempts int not null,
    sent_at timestamptz not null,
    decided_at timestamptz not null default clock_timestamp(),
    sending_at timestamptz,                         -- rescheduled: written before its message is sent; sent or not, if nothing follows
    done_at timestamptz,                            -- carried out
    primary key (rollback, task)                    -- nobody is decided on twice
);
