-- name_taken
-- $1 account, $2 name
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND name = $2);

-- read_list
-- $1 account, $2 list
SELECT id, name, extract(epoch FROM cdate)::float8 AS cdate,
       (SELECT count(*) FROM subscription WHERE list_id = list.id AND ended_at IS NULL) AS subscription_count
  FROM list
 WHERE account_id = $1 AND id = $2;

-- list_page
-- The page is cut before anything is counted. $1 account, $2 last id of the page before, $3 limit
SELECT page.id, page.name, extract(epoch FROM page.cdate)::float8 AS cdate,
       (SELECT count(*) FROM subscription WHERE list_id = page.id AND ended_at IS NULL) AS subscription_count
  FROM (SELECT id, name, cdate FROM list WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS page
 ORDER BY page.id;

-- list_total
-- $1 account
SELECT count(*) FROM list WHERE account_id = $1;

-- named_so
-- Whether another list is called so. $1 account, $2 list, $3 name
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND name = $3 AND id <> $2);

-- take_off_list
-- A chunk of its subscriptions. $1 account, $2 list, $3 limit
DELETE FROM subscription
 WHERE list_id = $2
   AND subscriber_id IN (SELECT subscriber_id
                           FROM subscription
                           JOIN list ON list.id = list_id AND account_id = $1
                          WHERE list_id = $2
                          ORDER BY subscriber_id
                          LIMIT $3);
