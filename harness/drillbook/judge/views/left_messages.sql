-- left_messages: one row a message that was left since the rollback began and a place where it was seen; what the asked version says of it.
-- kind: its type property, or else its task's type in the ledger. for_it: the version got it, or it remains where the version consumes.
create view left_messages as
with consumed as (
  select distinct queue, version_of(version, peer) as version from wire where event = 'consume' and queue is not null
),
types as (select task, min(type) as type from published semi join decoded using (task) group by task)
select decoded.*, coalesce(decoded.type, types.type) as kind,
       case seen when 'delivered' then coalesce(version_of(to_version, peer) = "by", false)
            else exists (select 1 from consumed where consumed.queue = decoded.queue and consumed.version = decoded."by") end as for_it
from decoded left join types on types.task = decoded.task;
