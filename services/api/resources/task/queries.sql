-- what_a_new_task_needs
-- One round trip: the channel of the message if the caller may use it, whether the list is the account's, and how many of its
-- subscriptions can be written to now. As the planner freezes: confirmed, not ended, with an address, nothing opted out of that
-- forbids this class of message, and not suppressed (0006_suppression.sql).
-- $1 account, $2 message, $3 the user whose messages alone are seen, or null, $4 list, $5 channel
WITH sent AS MATERIALIZED (
    SELECT message_class(content) AS class FROM message WHERE account_id = $1 AND id = $2
)
SELECT (SELECT channel FROM message
         WHERE account_id = $1 AND id = $2 AND NOT removed AND ($3::bigint IS NULL OR user_id = $3)) AS message_channel,
       EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $4::bigint) AS list_known,
       (SELECT count(*)
          FROM list
          JOIN subscription ON subscription.list_id = list.id
          JOIN subscriber ON subscriber.id = subscription.subscriber_id
         CROSS JOIN LATERAL (SELECT CASE WHEN $5 = 'email' THEN subscriber.email ELSE subscriber.telephone END AS written_to) AS way
         CROSS JOIN sent
         WHERE list.account_id = $1 AND list.id = $4::bigint
           AND subscription.confirmed AND subscription.ended_at IS NULL AND written_to IS NOT NULL
           AND NOT optout_forbids(subscriber.optout, sent.class)
           AND NOT EXISTS (SELECT
                             FROM suppression
                            WHERE suppression.subscriber_id = subscriber.id
                              AND suppresses(suppression, $5, written_to, $4, sent.class))) AS size;

-- what_a_change_needs
-- $1 account, $2 task, $3 the user whose messages alone are seen, or null, $4 list, $5 search
SELECT EXISTS (SELECT
                 FROM task
                 JOIN message ON message.id = task.message_id
                WHERE task.account_id = $1 AND task.id = $2 AND ($3::bigint IS NULL OR message.user_id = $3)) AS task_known,
       EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $4::bigint) AS list_known,
       EXISTS (SELECT FROM saved_search WHERE account_id = $1 AND id = $5::bigint AND NOT removed) AS search_known,
       (SELECT blocked_reason FROM sending WHERE task_id = $2) AS blocked_reason;

-- read_task
-- $1 account, $2 task, $3 the user whose messages alone are seen, or null
SELECT task.id, task.user_id, task.channel, task.name, task.message_id, task.message_version, task.list_id, task.search_id,
       task.rate, task.in_doubt, task.size, task.started, task.cancelled, task.completed, task.recipients, task.excluded,
       extract(epoch FROM task.scheduledtime)::float8 AS scheduledtime, extract(epoch FROM task.cdate)::float8 AS cdate,
       extract(epoch FROM task.endtime)::float8 AS endtime, task.paused, task.paused_reason,
       extract(epoch FROM task.expires)::float8 AS expires, task.send_window, task.splittest_id, task.campaign_id, task.segments,
       CASE WHEN NOT (completed OR cancelled) THEN (SELECT blocked_reason FROM sending WHERE task_id = task.id) END AS blocked_reason
  FROM task
  JOIN message ON message.id = task.message_id
 WHERE task.account_id = $1 AND task.id = $2 AND ($3::bigint IS NULL OR message.user_id = $3);

-- read_tasks
-- $1 account, $2 tasks, $3 the user whose messages alone are seen, or null
SELECT task.id, task.user_id, task.channel, task.name, task.message_id, task.list_id, task.search_id, task.rate, task.in_doubt,
       task.size, task.started, task.cancelled, task.completed, task.recipients, task.paused, task.paused_reason,
       extract(epoch FROM task.scheduledtime)::float8 AS scheduledtime, extract(epoch FROM task.cdate)::float8 AS cdate,
       extract(epoch FROM task.endtime)::float8 AS endtime, extract(epoch FROM task.expires)::float8 AS expires,
       task.send_window, task.splittest_id, task.campaign_id, task.segments,
       CASE WHEN NOT (completed OR cancelled) THEN (SELECT blocked_reason FROM sending WHERE task_id = task.id) END AS blocked_reason
  FROM task
  JOIN message ON message.id = task.message_id
 WHERE task.account_id = $1 AND task.id = ANY ($2::bigint[]) AND ($3::bigint IS NULL OR message.user_id = $3)
 ORDER BY task.id;

-- plan_each
-- How many tasks fit a filter differs from value to value by orders of magnitude, and decides how they are found. Until the
-- transaction ends.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- task_total
-- The words in braces, here and below, are put together by select_tasks.py, without any value.
SELECT count(*) FROM task WHERE {fits};

-- task_page
-- Where few fit they are gathered and then sorted (fitting is materialized). Of many the index of the order is walked until the
-- page is full: so few are never looked for among all there are, and many are never sorted.
WITH fitting AS {materialized} (
    SELECT id, {key} AS sort_key FROM task WHERE {fits}
), page AS (
    SELECT id, sort_key FROM fitting WHERE {beyond} ORDER BY sort_key {direction}, id {direction} LIMIT {limit}
)
SELECT task.id, user_id, channel, name, message_id, list_id, search_id, rate, in_doubt, size, started, cancelled, completed,
       recipients, extract(epoch FROM scheduledtime)::float8 AS scheduledtime, extract(epoch FROM cdate)::float8 AS cdate,
       extract(epoch FROM endtime)::float8 AS endtime, paused, paused_reason,
       extract(epoch FROM expires)::float8 AS expires, send_window, splittest_id, campaign_id, segments,
       CASE WHEN NOT (completed OR cancelled) THEN (SELECT blocked_reason FROM sending WHERE task_id = task.id) END AS blocked_reason
  FROM page
  JOIN task ON task.id = page.id
 ORDER BY page.sort_key {direction}, page.id {direction};

-- links_of_version
-- $1 message, $2 version
SELECT links FROM message_version WHERE message_id = $1 AND version = $2;

-- contact_records
-- $1 task, $2 ordinals
SELECT ordinal, subscriber_id, address
  FROM contact_record
 WHERE task_id = $1 AND ordinal = ANY ($2::integer[])
 ORDER BY ordinal;

-- segments_covering
-- Those that may hold a hit of ordinals $2 to $3, a page at a time. $1 task, $4 kinds, $5 $6 $7 batch, epoch, part of the last one, $8 limit
SELECT kind, hits, batch, epoch, part
  FROM segment
 WHERE task_id = $1 AND first_ordinal <= $3 AND last_ordinal >= $2 AND kind = ANY ($4::smallint[])
   AND (batch, epoch, part) > ($5, $6, $7)
 ORDER BY batch, epoch, part
 LIMIT $8;

-- redecided
-- On whom somebody decided though he was in doubt. $1 task
SELECT redecided FROM sending WHERE task_id = $1;

-- send_once_more
-- Whoever was held goes into batches of his own, as one who was in doubt before: should it be so again, he is held. Nothing when
-- somebody else decided meanwhile. $1 task, $2 on whom that was until now (null: nobody), $3 from now on, $4 ordinals, $5 sizes
WITH noted AS (
    UPDATE sending
       SET redecided = $3
     WHERE task_id = $1 AND redecided IS NOT DISTINCT FROM $2::bytea
    RETURNING shard, task_id
)
INSERT INTO batch (shard, task_id, number, ordinals, size, resent, attempt, due_at)
SELECT noted.shard, noted.task_id, nextval('retry_batch_number'), cut.ordinals, cut.size, cut.ordinals, 1, clock_timestamp()
  FROM noted
 CROSS JOIN unnest($4::bytea[], $5::integer[]) AS cut (ordinals, size);
