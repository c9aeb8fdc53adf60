-- begin_file
-- $1 key, $2 job, $3 account, $4 upload, $5 name
INSERT INTO export_file (key, job_id, account_id, upload, filename) VALUES ($1, $2, $3, $4, $5);

-- end_file
-- It is whole: from now on its URL leads to it, and until $2. $1 key
UPDATE export_file SET expires_at = to_timestamp($2) WHERE key = $1;

-- files_to_remove
-- Those that have expired, and what was begun for jobs that have ended without them. $1 limit
SELECT key, upload
  FROM export_file
 WHERE NOT removed AND expires_at <= clock_timestamp()
 UNION ALL
SELECT key, upload
  FROM export_file
  JOIN job ON job.id = export_file.job_id AND job.status <> 'pending'
 WHERE NOT export_file.removed AND expires_at IS NULL
 LIMIT $1;

-- files_removed
-- $1 keys
UPDATE export_file SET removed = true WHERE key = ANY ($1::text[]);

-- unfinished_files
-- Of uploads that somebody goes on with, or is to clear away by name.
SELECT key FROM export_file WHERE NOT removed AND expires_at IS NULL;

-- go_by_index
-- A plan made while a table was small would read the whole of it for every row of a page. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true);

-- page_of_list
-- Where a page ends. Null: there is nobody more. $1 list, $2 behind this subscriber,
-- $3 rows
SELECT max(subscriber_id)
  FROM (SELECT subscriber_id
          FROM subscription
         WHERE list_id = $1 AND subscriber_id > $2 AND confirmed AND ended_at IS NULL
         ORDER BY subscriber_id
         LIMIT $3) AS next;

-- size_of_list
-- For the progress. $1 list
SELECT count(*) FROM subscription WHERE list_id = $1 AND confirmed AND ended_at IS NULL;

-- list_rows
-- The page is cut before anything is joined to it, and joined once: of how many rows it has the planner knows nothing. What stands in
-- braces is put together by shared/audience, and {vars} of numbers of arguments. Signup: his first on any list. $1 list, $2 behind this subscriber, $3 up to this one, $4 account
WITH page AS MATERIALIZED (
    SELECT subscriber_id, signup_at
      FROM subscription
     WHERE list_id = $1 AND subscriber_id > $2 AND subscriber_id <= $3 AND confirmed AND ended_at IS NULL
), held AS MATERIALIZED (
    SELECT page.subscriber_id, page.signup_at AS list_signup_at, min(subscription.signup_at) AS signup_at,
           string_agg(list.name, ',' ORDER BY list.name) AS lists
      FROM page
      JOIN subscription ON subscription.subscriber_id = page.subscriber_id AND confirmed AND ended_at IS NULL
      JOIN list ON list.id = subscription.list_id
     GROUP BY page.subscriber_id, page.signup_at
)
SELECT person.id, email_hash(person.email), csv_cell(lower(split_part(person.email, '@', -1))),
       {engagement}, {lists}
       rfc2822(person.cdate), rfc2822(held.signup_at), coalesce(seen.opens, 0), coalesce(seen.clicks, 0),
       rfc2822(seen.last_open), rfc2822(seen.last_click),
       CASE WHEN person.optout <> 'none' THEN rfc2822(person.optout_at) END, rfc2822(held.list_signup_at),
       CASE WHEN person.email IS NULL THEN NULL
            WHEN {hard_bounced} THEN 'hardbounce'
            WHEN person.optout <> 'none' THEN 'optout'
            WHEN {soft_bounced} THEN 'softbounce'
            ELSE 'valid'
        END {vars}
  FROM held
  JOIN subscriber AS person ON person.id = held.subscriber_id AND person.account_id = $4 {seen}
 ORDER BY person.id;

-- list_var
, csv_cell(person.vars ->> {field});

-- page_of_tasks
-- As page_of_list. $1 account, $2 behind this task, $3 rows
SELECT max(id)
  FROM (SELECT id
          FROM task
         WHERE account_id = $1 AND id > $2 AND NOT started AND NOT cancelled
         ORDER BY id
         LIMIT $3) AS next;

-- task_rows
-- $1 account, $2 behind this task, $3 up to this one
SELECT task.id, csv_cell(task.name), task.channel, task.message_id, csv_cell(list.name), csv_cell(saved_search.name),
       rfc2822(task.scheduledtime), task.size, task.rate
  FROM task
  LEFT JOIN list ON list.id = task.list_id
  LEFT JOIN saved_search ON saved_search.id = task.search_id
 WHERE task.account_id = $1 AND task.id > $2 AND task.id <= $3 AND NOT task.started AND NOT task.cancelled
 ORDER BY task.id;
