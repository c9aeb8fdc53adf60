-- key_page
-- $1 account, $2 last id of the page before, $3 limit
SELECT id, user_id, name, prefix, extract(epoch FROM cdate)::float8 AS cdate, revoked
  FROM api_key
 WHERE account_id = $1 AND id > $2
 ORDER BY id
 LIMIT $3;

-- key_total
-- $1 account
SELECT count(*) FROM api_key WHERE account_id = $1;
