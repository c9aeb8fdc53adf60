-- campaign_called
-- $1 account, $2 campaign, $3 the user whose campaigns alone are seen, or null
SELECT id, event_callback IS NOT NULL AS wanted
  FROM campaign
 WHERE account_id = $1 AND id = $2 AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed;

-- window_page
-- What waits in a line that is given up is given up with it. $1 campaign, $2 last number of the page before, $3 limit
SELECT number, task_id, callback_window.campaign_id, task.channel, kind, first_ms, people, attempts, last_status, last_error,
       CASE WHEN callback_window.state = 'waiting' AND line.state <> 'open' THEN line.state ELSE callback_window.state END AS state,
       extract(epoch FROM opened_at)::float8 AS opened_at, extract(epoch FROM attempted_at)::float8 AS attempted_at,
       CASE WHEN callback_window.state = 'waiting' AND line.due_at < 'infinity' AND line.failures > 0
            THEN extract(epoch FROM line.due_at)::float8 END AS next_attempt
  FROM callback_window
  JOIN task ON task.id = callback_window.task_id
  JOIN callback_line AS line ON line.campaign_id = callback_window.campaign_id
 WHERE callback_window.campaign_id = $1 AND number > $2
 ORDER BY number
 LIMIT $3;

-- window_total
-- $1 campaign
SELECT count(*) FROM callback_window WHERE campaign_id = $1;

-- want_again
-- The window waits once more, and the line is open: what waits in it goes out in its order. An attempt that is under way where one had
-- failed before has its say about the window alone: by another epoch it gives up nothing, and its lease still runs. $1 campaign, $2 number
WITH wanted AS (
    UPDATE callback_window SET state = 'waiting' WHERE campaign_id = $1 AND number = $2 RETURNING number
)
UPDATE callback_line
   SET state = 'open', failures = 0, due_at = statement_timestamp(), wishes = wishes + 1,
       epoch = epoch + CASE WHEN failures > 0 THEN 1 ELSE 0 END
  FROM wanted
 WHERE campaign_id = $1;
