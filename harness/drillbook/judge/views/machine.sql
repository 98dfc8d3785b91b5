-- starved(begin, end): what to add to a finding that more time would have mended, where the machine was starved then; else NULL.
create macro starved(begin_at, end_at) as (
  select case when avg(value) >= 0.8
              then format('the machine was starved (something waited for a processor {:.0f} % of the time)', avg(value) * 100) end
  from timeline where event = 'machine' and name = 'cpu' and "at" > begin_at and "at" <= end_at + 1000000000
);
