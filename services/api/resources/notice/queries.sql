-- read_notice
-- A member knows his own alone. $1 account, $2 notice, $3 the user whose notices alone are seen, or null
SELECT id, user_id, subscriber_id, channel, purpose, address, state, reason, attempt, extract(epoch FROM cdate)::float8 AS cdate
  FROM notice
 WHERE account_id = $1 AND id = $2 AND ($3::bigint IS NULL OR user_id = $3);
