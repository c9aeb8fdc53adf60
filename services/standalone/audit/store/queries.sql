-- stream_gaps
-- Each statement of this file answers breaches: subject, and count. Versions of a stream count from 1 without a gap.
SELECT 'stream ' || stream AS subject, max(version) - count(*) AS count
  FROM event
 GROUP BY stream
HAVING max(version) <> count(*);

-- ended_twice
-- Of what ends for good: a second end, or a second beginning.
SELECT 'stream ' || stream AS subject, max(times) AS count
  FROM (SELECT stream, count(*) AS times
          FROM event
         WHERE type IN ('campaign.completed', 'campaign.failed', 'job.completed', 'job.failed', 'splittest.completed', 'splittest.cancelled')
         GROUP BY stream
         UNION ALL
        SELECT stream, count(*)
          FROM event
         WHERE type IN ('campaign.started', 'job.started', 'splittest.started', 'campaign.created', 'job.created', 'splittest.created')
         GROUP BY stream, type) AS counted
 WHERE times > 1
 GROUP BY stream;

-- rows_beside_streams
-- A row whose version is not that of its stream, a row without a stream, a stream without a row. A task's row is looked at more closely
-- where all of the task is.
WITH known AS (
    SELECT split_part(stream, '-', 1) AS kind, split_part(stream, '-', 2)::bigint AS id, max(version) AS version
      FROM event
     WHERE stream ~ '^(task|message|campaign|job|splittest)-[0-9]+$'
     GROUP BY stream
), shown AS (
    SELECT 'message' AS kind, id, version FROM message
     UNION ALL
    SELECT 'campaign', id, version FROM campaign
     UNION ALL
    SELECT 'job', id, version FROM job
     UNION ALL
    SELECT 'splittest', id, version FROM splittest
     UNION ALL
    SELECT 'task', task.id, known.version FROM task LEFT JOIN known ON known.kind = 'task' AND known.id = task.id
)
SELECT kind || ' ' || id AS subject, 1::bigint AS count
  FROM known
  FULL JOIN shown USING (kind, id)
 WHERE known.version IS DISTINCT FROM shown.version;

-- lost_answers
-- What a POST was told to have made, and is not there.
SELECT 'answer to POST ' || path AS subject, count(*) AS count
  FROM (SELECT path, convert_from(body, 'UTF8')::jsonb ->> CASE path WHEN '/job' THEN 'job_id' ELSE 'id' END AS id
          FROM idempotency
         WHERE method = 'POST' AND status BETWEEN 200 AND 299 AND body <> ''
           AND path IN ('/task', '/message', '/campaign', '/splittest', '/job')) AS told
 WHERE id IS NOT NULL
   AND NOT CASE path
               WHEN '/job' THEN EXISTS (SELECT FROM job WHERE job.job_id = told.id)
               ELSE EXISTS (SELECT FROM event WHERE stream = substr(path, 2) || '-' || told.id AND version = 1)
           END
 GROUP BY path;

-- answers_of_two_keys
-- One thing made under two keys: a repeat of one of them was no repeat.
SELECT 'answer to POST ' || path AS subject, count(*) AS count
  FROM (SELECT path, convert_from(body, 'UTF8')::jsonb ->> CASE path WHEN '/job' THEN 'job_id' ELSE 'id' END AS id
          FROM idempotency
         WHERE method = 'POST' AND status BETWEEN 200 AND 299 AND body <> ''
           AND path IN ('/task', '/message', '/campaign', '/splittest', '/job')
         GROUP BY account_id, path, id
        HAVING count(*) > 1) AS doubled
 WHERE id IS NOT NULL
 GROUP BY path;

-- readers_ahead
-- A checkpoint beyond all that could be committed: whoever reads on from there passes something by.
SELECT reader AS subject, count(*) AS count
  FROM (SELECT 'tail ' || name AS reader, store_epoch, xid FROM checkpoint
         UNION ALL
        SELECT 'counts', store_epoch, xid FROM projection
         UNION ALL
        SELECT 'callbacks', store_epoch, xid FROM callback_reached
         UNION ALL
        SELECT 'published deliveries', store_epoch, xid FROM delivery_reached
         UNION ALL
        SELECT 'engagement', store_epoch, xid FROM engagement_reached) AS reading
 WHERE store_epoch > store_epoch() OR (store_epoch = store_epoch() AND xid >= pg_snapshot_xmax(pg_current_snapshot()))
 GROUP BY reader;

-- shards_not_counted
SELECT 'shard ' || shard AS subject, 1::bigint AS count
  FROM generate_series(0, 63) AS shard
 WHERE NOT EXISTS (SELECT FROM projection WHERE projection.shard = shard.shard AND live)
    OR NOT EXISTS (SELECT FROM callback_reached WHERE callback_reached.shard = shard.shard);

-- rows_of_no_task
-- By task, so that a log of many segments is a walk along an index.
SELECT 'task ' || task_id AS subject, count(*) AS count
  FROM (SELECT task_id FROM sending
         UNION
        SELECT task_id FROM batch
         UNION
        SELECT task_id FROM segment
         UNION
        SELECT task_id FROM contact_record) AS held
 WHERE NOT EXISTS (SELECT FROM task WHERE task.id = held.task_id)
 GROUP BY task_id;

-- balances
-- What an account is charged: by its row, by its events, and by the sets of whom it was charged for.
SELECT 'account ' || account_id AS subject,
       greatest(abs(balance.charged - told.charged), abs(balance.charged - held.charged))::bigint AS count
  FROM balance
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(CASE type WHEN 'ledger.charged' THEN (data ->> 'units')::bigint ELSE -(data ->> 'units')::bigint END), 0)
              AS charged
         FROM event
        WHERE stream = 'ledger-' || balance.account_id AND type IN ('ledger.charged', 'ledger.refunded')) AS told
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(units * cardinality), 0) AS charged
         FROM charge
         JOIN task ON task.id = charge.task_id
        WHERE task.account_id = balance.account_id) AS held
 WHERE balance.charged NOT IN (told.charged) OR balance.charged NOT IN (held.charged);

-- jobs_half_ended
-- The row that is told, and the one that is worked by, end together; nothing is told before that.
SELECT 'job ' || job.id AS subject, 1::bigint AS count
  FROM job
  LEFT JOIN job_work ON job_work.id = job.id
 WHERE (job.status = 'pending') <> (job.ended_at IS NULL)
    OR (job.status = 'pending') = coalesce(job_work.ended, job.status <> 'pending')
    OR (job.status = 'pending' AND EXISTS (SELECT FROM postback WHERE postback.job_id = job.id))
    OR (job.status = 'pending' AND EXISTS (SELECT FROM notice
                                            WHERE notice.account_id = job.account_id AND notice.origin = 'job-' || job.id));

-- half_files
-- A completed job has one whole file, if it began any.
SELECT 'job ' || job.id AS subject, count(*) AS count
  FROM job
  JOIN export_file ON export_file.job_id = job.id
 WHERE job.status = 'completed'
 GROUP BY job.id
HAVING count(*) FILTER (WHERE expires_at IS NOT NULL) <> 1;

-- ended_before_its_tasks
-- Of a campaign that is done, tasks that are not; and tasks that say to be of a campaign which does not name them.
SELECT 'campaign ' || campaign.id AS subject, count(*) AS count
  FROM campaign
  JOIN task ON task.campaign_id = campaign.id
 WHERE (campaign.state = 'DONE' AND NOT (task.completed OR task.cancelled)) OR NOT task.id = ANY (campaign.tasks)
 GROUP BY campaign.id;

-- missing_tasks
-- A campaign is started with all of its tasks, or not at all.
SELECT 'campaign ' || id AS subject, count(*) AS count
  FROM campaign
 CROSS JOIN LATERAL unnest(tasks) AS named (task_id)
 WHERE NOT EXISTS (SELECT FROM task WHERE task.id = named.task_id AND task.campaign_id = campaign.id)
 GROUP BY id;

-- in_two_tasks
-- Of one split test: whoever is in a variant is in no other, and not among the rest.
SELECT 'splittest ' || splittest_id AS subject, count(*) AS count
  FROM (SELECT splittest_id, subscriber_id
          FROM task
          JOIN contact_record ON contact_record.task_id = task.id
         WHERE splittest_id IS NOT NULL
         GROUP BY splittest_id, subscriber_id
        HAVING count(*) > 1) AS twice
 GROUP BY splittest_id;

-- of_two_accounts
-- What a task or a campaign names belongs to its account.
SELECT subject, count(*) AS count
  FROM (SELECT 'task ' || task.id AS subject
          FROM task
          JOIN message ON message.id = task.message_id AND message.account_id <> task.account_id
         UNION ALL
        SELECT 'task ' || task.id FROM task JOIN list ON list.id = task.list_id AND list.account_id <> task.account_id
         UNION ALL
        SELECT 'task ' || task.id
          FROM task
          JOIN saved_search ON saved_search.id = task.search_id AND saved_search.account_id <> task.account_id
         UNION ALL
        SELECT 'task ' || task.id
          FROM task
          JOIN campaign ON campaign.id = task.campaign_id AND campaign.account_id <> task.account_id
         UNION ALL
        SELECT 'campaign ' || campaign.id
          FROM campaign
          JOIN list ON list.id = campaign.list_id AND list.account_id <> campaign.account_id
         UNION ALL
        SELECT 'list ' || subscription.list_id
          FROM subscription
          JOIN list ON list.id = subscription.list_id
          JOIN subscriber ON subscriber.id = subscription.subscriber_id AND subscriber.account_id <> list.account_id) AS mixed
 GROUP BY subject;

-- addresses_in_events
-- Events about people hold ids alone. What callers write into names and messages is theirs.
SELECT type AS subject, count(*) AS count
  FROM event
 WHERE type IN ('list.subscribers_changed', 'list.subscribers_erased', 'list.subscribers_suppressed', 'list.suppressions_lifted',
                'sms.received', 'task.started', 'task.audience_frozen', 'task.in_doubt_decided', 'ledger.charged', 'ledger.refunded',
                'job.completed')
   AND data::text ~ '@|\+[0-9]{7,}'
 GROUP BY type;

-- notices
-- What became of each single message that was handed over, or may have been. $1 after this id, $2 limit
SELECT id, state FROM notice WHERE id > $1 ORDER BY id LIMIT $2;
