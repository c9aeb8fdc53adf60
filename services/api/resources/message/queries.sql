-- read_message
-- A member knows his own alone. $1 account, $2 message, $3 the user whose messages alone are seen, or null
SELECT id, channel, name, version, content, user_id, extract(epoch FROM cdate)::float8 AS cdate
  FROM message
 WHERE account_id = $1 AND id = $2 AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed;

-- message_page
-- $1 account, $2 last id of the page before, $3 the user whose messages alone are seen, or null, $4 limit
SELECT id, channel, name, version, content, user_id, extract(epoch FROM cdate)::float8 AS cdate
  FROM message
 WHERE account_id = $1 AND id > $2 AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed
 ORDER BY id
 LIMIT $4;

-- message_total
-- $1 account, $2 the user whose messages alone are seen, or null
SELECT count(*) FROM message WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND NOT removed;

-- preview_recipient
-- Whose values a preview shows. $1 account, $2 subscriber
SELECT email, telephone, vars FROM subscriber WHERE account_id = $1 AND id = $2;

-- sample
-- Whose values a proof shows. $1 account, $2 subscriber
SELECT id, email, telephone, vars FROM subscriber WHERE account_id = $1 AND id = $2;

-- owners
-- $1 account, $2 emails in lower case, $3 telephones
SELECT id, lower(email) AS address FROM subscriber WHERE account_id = $1 AND lower(email) = ANY ($2::text[])
UNION ALL
SELECT id, telephone FROM subscriber WHERE account_id = $1 AND telephone = ANY ($3::text[]);
