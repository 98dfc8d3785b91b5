-- What workers and relay share. Run once before any of them starts; every version can use it, v2's table included (expand first).

create table orders (                               -- the state of each task
    task text primary key,
    kind text not null,                             -- order, or undeliverable: no carrier goes to its address
    state text not null check (state in ('queued', 'executing', 'completed', 'compensated')),
    step text not null,                             -- the step that is next (queued), at work (executing), or was the last
    version text not null,                          -- of whoever brought it there
    worker text not null,
    updated_at timestamptz not null default clock_timestamp()
);

create table inbox (
    message text primary key,                       -- a message is handled once, however often it is delivered
    worker text not null,
    at timestamptz not null default clock_timestamp()
);

create table outbox (
    id bigint generated always as identity primary key,
    task text not null,
    step text not null,                             -- the message is "<task>/<step>"
    written_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz                             -- set when the broker has confirmed it
);
create index on outbox (id) where sent_at is null;

create table effects (                              -- no unique key on purpose: a step done twice must be seen, not refused
    task text not null,
    step text not null,
    key text not null,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp()
);
create index on effects (task);

create table policies (                             -- v2's: one for each insurance that was begun; v1 knows how to cancel one
    task text primary key,
    state text not null check (state in ('begun', 'confirmed', 'cancelled')),
    version text not null,
    worker text not null,
    updated_at timestamptz not null default clock_timestamp()
);

-- v2's flaw: each new policy is checked at its COMMIT, which takes a while. So what cuts v2's way to the database meets a COMMIT.
create function check_policy() returns trigger language plpgsql as $$
begin
    perform pg_sleep(0.5);
    return null;
end
$$;
create constraint trigger policy_is_sound after insert on policies
    deferrable initially deferred for each row when (new.state = 'begun') execute function check_policy();
