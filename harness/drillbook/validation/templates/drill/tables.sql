-- Put your own tables here.

create table inbox (                    -- a message is done once, however often it is delivered
    message text primary key
);

create table effects (                  -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    key text,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp()
);
