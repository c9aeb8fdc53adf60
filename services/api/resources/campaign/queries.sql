-- read_campaign
-- $1 account, $2 campaign, $3 the user whose campaigns alone are seen, or null
SELECT id, account_id, user_id, name, state, list_id, domain_id, segments, event_callback, payloads, tasks, held_back, error,
       extract(epoch FROM scheduled_at)::float8 AS scheduled_at, extract(epoch FROM cdate)::float8 AS cdate
  FROM campaign
 WHERE account_id = $1 AND id = $2 AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed;

-- campaign_page
-- $1 account, $2 the user whose campaigns alone are seen, or null, $3 last id of the page before, $4 limit
SELECT id, account_id, user_id, name, state, list_id, domain_id, segments, event_callback, payloads, tasks, held_back, error,
       extract(epoch FROM scheduled_at)::float8 AS scheduled_at, extract(epoch FROM cdate)::float8 AS cdate
  FROM campaign
 WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND id > $3 AND NOT removed
 ORDER BY id
 LIMIT $4;

-- newest_campaigns
-- $1 account, $2 the user whose campaigns alone are seen, or null, $3 id of the last one of the page before, $4 limit
SELECT id, account_id, user_id, name, state, list_id, domain_id, segments, event_callback, payloads, tasks, held_back, error,
       extract(epoch FROM scheduled_at)::float8 AS scheduled_at, extract(epoch FROM cdate)::float8 AS cdate
  FROM campaign
 WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND id < $3 AND NOT removed
 ORDER BY id DESC
 LIMIT $4;

-- campaign_total
-- $1 account, $2 the user whose campaigns alone are seen, or null
SELECT count(*) FROM campaign WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND NOT removed;

-- message_of_caller
-- The channel of a message that the caller may use. $1 account, $2 message, $3 the user whose messages alone are seen, or null
SELECT channel FROM message WHERE account_id = $1 AND id = $2 AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed;
