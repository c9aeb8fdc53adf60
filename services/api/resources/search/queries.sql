-- read_search
-- $1 account, $2 search
SELECT id, name, list_id, query, extract(epoch FROM cdate)::float8 AS cdate
  FROM saved_search
 WHERE account_id = $1 AND id = $2 AND NOT removed;

-- search_page
-- $1 account, $2 last id of the page before, $3 limit
SELECT id, name, list_id, query, extract(epoch FROM cdate)::float8 AS cdate
  FROM saved_search
 WHERE account_id = $1 AND id > $2 AND NOT removed
 ORDER BY id
 LIMIT $3;

-- search_total
-- $1 account
SELECT count(*) FROM saved_search WHERE account_id = $1 AND NOT removed;

-- list_known
-- $1 account, $2 list
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $2::bigint);
