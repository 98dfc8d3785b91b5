-- Tables of the service. Run once, before anything starts; every version can use them.

-- The event store, as the library eventsourcing 9.5 wants it. The only truth: all else can be made from it.
create table ledger_events (
    originator_id uuid not null,
    originator_version bigint not null,
    topic text,
    state bytea,
    notification_id bigserial unique,
    primary key (originator_id, originator_version)      -- two workers cannot both add an aggregate's next event
);
create type stored_event_uuid as (originator_id uuid, originator_version bigint, topic text, state bytea);

-- The projection.
create table statement (
    account text not null,
    line bigint not null,                                -- the version of the account that the booking made
    payment text not null,
    cents bigint not null,
    balance bigint not null,
    projected_by text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (account, line)
);
create table statement_position (application_name text primary key, notification_id bigint);
create table statement_rebuilt (like statement including all);      -- where it is made anew; then they change places
create table statement_rebuilt_position (like statement_position including all);

-- What the other consumer does: at most one notice a message.
create table notices (
    message text primary key,
    sent_by text not null,
    at timestamptz not null default clock_timestamp()
);

-- For people and for reconciliation: the events in words.
create view events as
select originator_id, originator_version as version, split_part(topic, ':', 2) as event, convert_from(state, 'UTF8')::json as body,
       (convert_from(state, 'UTF8')::json -> 'timestamp' ->> '_data_')::timestamptz as at
from ledger_events;

create view booked as                                    -- what the statement must show, computed from the events alone
select body ->> 'account' as account, version as line, body ->> 'payment' as payment, (body ->> 'cents')::bigint as cents,
       sum((body ->> 'cents')::bigint) over (partition by originator_id order by version)::bigint as balance, body ->> 'by' as booked_by, at
from events where event = 'Account.Booked';

create view payment_states as                            -- the last event of each payment says where it is
select distinct on (events.originator_id) received.body ->> 'message' as payment,
       case events.event when 'Payment.Booked' then 'completed' when 'Payment.Failed' then 'failed' else 'executing' end as state,
       events.body ->> 'by' as said_by, events.at
from events join events as received on received.originator_id = events.originator_id and received.event = 'Payment.Received'
order by events.originator_id, events.version desc;
