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

-- tasks_of_list
-- Those that are sent to its people, by the list itself or by a search that reaches them by it, and have not come to their end.
-- $1 account, $2 list, $3 limit
SELECT id
  FROM task
 WHERE account_id = $1 AND list_id = $2 AND NOT completed AND NOT cancelled
 UNION
SELECT task.id
  FROM task
  JOIN sending ON sending.task_id = task.id
 WHERE task.account_id = $1 AND started AND NOT completed AND NOT cancelled AND $2 = ANY (sending.reached_lists)
 ORDER BY id
 LIMIT $3;

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

-- searches_waited_for
-- Of tasks that have not found their people yet; few. $1 account
SELECT task.id, saved_search.list_id, saved_search.query
  FROM task
  JOIN saved_search ON saved_search.id = task.search_id
 WHERE task.account_id = $1 AND task.recipients IS NULL AND NOT task.completed AND NOT task.cancelled
 ORDER BY task.id;
