-- replay_paced: The playbook puts messages back at a limited rate.
-- needs: wire
-- needs complete: wire
-- parameter most: int (messages in any one second)
-- in words: 1 message was one too many in its second | {count} messages were too many in their second
with sends as (
  select task, "at", count(*) over (order by "at" range between 999999999 preceding and current row) as sent
  from wire where event = 'publish' and peer = 'operator'
)
select task, format('It was the {}th within a second; {} are allowed.', sent, $most) as why, step_at("at") as step
from sends where sent > $most
