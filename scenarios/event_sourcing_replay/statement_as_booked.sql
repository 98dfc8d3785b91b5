-- statement_as_booked: The statement shows every booking as the events have it: same account, line, amount and balance.
-- needs: effects
-- needs complete: effects
-- parameter events: text = ledger (the source of effects that is computed from the events)
-- parameter shown: text = statement (the source of effects that is the projection)
-- in words: 1 booking is shown wrong | {count} bookings are shown wrong
--
-- Both sources put account, line, amount and balance into `key`. The balance is computed twice, by the query from the events and by the
-- projection as it went along, so that one wrong line shows in all lines after it.
with told as (
  select task, list_sort(list(key) filter (source = $events)) as booked, list_sort(list(key) filter (source = $shown)) as shown
  from effects where source in ($events, $shown) group by task
)
select task, format('The events say {}; the statement says {}.', coalesce(array_to_string(booked, ' and '), 'nothing'),
                    coalesce(array_to_string(shown, ' and '), 'nothing')) as why
from told where booked is distinct from shown
