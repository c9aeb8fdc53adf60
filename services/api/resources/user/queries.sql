-- read_user
-- $1 account, $2 user
SELECT id, name, role, extract(epoch FROM cdate)::float8 AS cdate
  FROM account_user
 WHERE account_id = $1 AND id = $2;

-- user_page
-- $1 account, $2 last id of the page before, $3 limit
SELECT id, name, role, extract(epoch FROM cdate)::float8 AS cdate
  FROM account_user
 WHERE account_id = $1 AND id > $2
 ORDER BY id
 LIMIT $3;

-- user_total
-- $1 account
SELECT count(*) FROM account_user WHERE account_id = $1;
