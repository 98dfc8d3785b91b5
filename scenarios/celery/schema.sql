-- What the application writes. Run once before any worker starts; every version can use it.

create table booked (task text primary key);        -- the idempotency keys: a task leaves its effect once, however often it is delivered

create table effects (                               -- no unique key on purpose: a task done twice must be seen, not refused
    task text not null,
    key text,
    version text not null,
    worker text not null,
    at timestamptz not null default clock_timestamp(),
    ms double precision not null,                    -- the task's run time
    shop_order text not null,
    cents integer not null
);

-- Celery's result backend, as SQLAlchemy would create it (Celery 5.7). Created here, because workers that start together would all create
-- it at once, and one of them would fail.
create sequence task_id_sequence;
create table celery_taskmeta (
    id integer primary key,
    task_id varchar(155) unique,
    status varchar(50),
    result bytea,
    date_done timestamp,                             -- UTC
    traceback text,
    children bytea,
    name varchar(155),
    args bytea,
    kwargs bytea,
    worker varchar(155),
    retries integer,
    queue varchar(155),
    stamps bytea
);
create index ix_celery_taskmeta_date_done on celery_taskmeta (date_done);
create sequence taskset_id_sequence;
create table celery_tasksetmeta (
    id integer primary key,
    taskset_id varchar(155) unique,
    result bytea,
    date_done timestamp
);
create index ix_celery_tasksetmeta_date_done on celery_tasksetmeta (date_done);
