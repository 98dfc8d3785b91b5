-- all_or_nothing: An order is shipped with all that belongs to it, or undone with nothing left of it.
-- needs: effects
-- needs complete: effects
-- in words: 1 order is half-done | {count} orders are half-done
--
-- Shipped: reserved, charged, not released, not refunded. Undone: not shipped, refunded if it was charged, its insurance cancelled if the
-- insurer was called. An order that has not ended is for no_lost_tasks.
with steps as (
  select task,
         bool_or(source = 'reservations') as reserved,
         bool_or(source = 'payments') as charged,
         bool_or(source = 'ends' and key like '%/ship') as shipped,
         bool_or(source = 'ends' and key like '%/release') as released,
         bool_or(source = 'refunds') as refunded,
         bool_or(source = 'insurances') as insured,
         bool_or(source = 'cancellations') as cancelled
  from effects group by task
)
select task, case
    when shipped and released then 'It was shipped, and undone.'
    when shipped and not (reserved and charged) then 'It was shipped, but not reserved and charged.'
    when shipped and refunded then 'It was shipped, and refunded.'
    when released and charged and not refunded then 'It was undone, but not refunded.'
    when released and insured and not cancelled then 'It was undone, but stays insured.'
  end as why, null as step
from steps where why is not null;
