-- due_splittests
-- By the clock of the database. $1 limit
SELECT id, account_id, cardinality(message_ids) AS variants
  FROM splittest
 WHERE NOT started AND NOT cancelled AND NOT completed AND scheduledtime <= clock_timestamp()
 ORDER BY scheduledtime, id
 LIMIT $1;

-- open_splitting
-- In the transaction that starts it: whom it asks for, and when that was, as a task to a search does (open_sending); a list is a
-- search for everybody on it. Frozen by the rules for marketing, unless all its messages are of class service: each task
-- asks by the class of its own message once more at hand-over.
-- $1 shard, $2 task to the rest, $3 split test, $4 account, $5 list or null, $6 search or null, $7 messages
INSERT INTO splitting (shard, task_id, splittest_id, audience, message_class)
VALUES ($1, $2, $3,
        CASE WHEN $6::bigint IS NULL
             THEN jsonb_build_object('list_id', $5::bigint, 'query', '{}'::jsonb, 'at', extract(epoch FROM clock_timestamp()))
             ELSE (SELECT jsonb_build_object('list_id', list_id, 'query', query, 'at', extract(epoch FROM clock_timestamp()))
                     FROM saved_search
                    WHERE account_id = $4 AND id = $6)
        END,
        CASE WHEN EXISTS (SELECT FROM message WHERE id = ANY ($7::bigint[]) AND message_class(content) <> 'service')
             THEN 'marketing'
             ELSE 'service'
        END)
ON CONFLICT DO NOTHING;

-- claim_splitting
-- One split test whose audience is to be frozen, for this process alone while the lease lasts. $1 owner, $2 lease seconds
UPDATE splitting
   SET owner = $1, epoch = splitting.epoch + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
  FROM (SELECT splitting.task_id
          FROM splitting
          JOIN splittest ON splittest.id = splitting.splittest_id AND NOT splittest.cancelled
         WHERE NOT splitting.frozen AND splitting.leased_until < clock_timestamp()
         ORDER BY splitting.task_id
         LIMIT 1
           FOR UPDATE OF splitting SKIP LOCKED) AS free
  JOIN splittest ON splittest.rest_task_id = free.task_id
 WHERE splitting.task_id = free.task_id
RETURNING splitting.task_id, splitting.epoch, splitting.splittest_id, splitting.audience, splitting.message_class, splittest.account_id;

-- settle_splitting
-- What the names in its search mean, settled at the first page, and what it comes to, whoever settled it.
-- $1 task to the rest, $2 epoch, $3 ids by name, $4 the lists by which people are reached, or null
UPDATE splitting
   SET audience = jsonb_build_object('lists', $3::jsonb) || audience,
       reached_lists = CASE WHEN audience ? 'lists' THEN reached_lists ELSE $4::bigint[] END
 WHERE task_id = $1 AND epoch = $2 AND NOT frozen
RETURNING audience;

-- next_of_lists
-- As for a task to a search: up to whom the next page goes, on whichever of the lists, each person once. No row: there is nobody
-- more. $1 task to the rest, $2 rows
SELECT splitting.last_subscriber_id AS after, max(next.subscriber_id) AS last, count(*) AS people
  FROM splitting
 CROSS JOIN LATERAL (
       SELECT DISTINCT on_list.subscriber_id
         FROM unnest({lists}) AS source (list_id)
        CROSS JOIN LATERAL (
              SELECT subscriber_id
                FROM subscription
               WHERE subscription.list_id = source.list_id AND subscriber_id > splitting.last_subscriber_id
               ORDER BY subscriber_id
               LIMIT $2) AS on_list
        ORDER BY on_list.subscriber_id
        LIMIT $2) AS next
 WHERE splitting.task_id = $1
 GROUP BY splitting.last_subscriber_id;

-- next_of_account
-- As above, of everybody. $1 task to the rest, $2 rows
SELECT splitting.last_subscriber_id AS after, max(next.id) AS last, count(*) AS people
  FROM splitting
 CROSS JOIN LATERAL (
       SELECT id
         FROM subscriber
        WHERE account_id = {account} AND id > splitting.last_subscriber_id
        ORDER BY id
        LIMIT $2) AS next
 WHERE splitting.task_id = $1
 GROUP BY splitting.last_subscriber_id;

-- plan_each
-- No plan for a whole list, and none that was made for another account: as freeze_search. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true);

-- freeze_page
-- The next recipients among the people of a page, numbered without a gap. The words in braces are put together by shared/audience,
-- without any value. Answers whether the page was this process's to write.
-- $1 task to the rest, $2 epoch, $3 behind this subscriber, $4 up to this one, $5 account, $6 lease seconds
WITH mine AS (
    SELECT splitting.shard, splitting.task_id, splitting.next_ordinal
      FROM splitting
      JOIN splittest ON splittest.id = splitting.splittest_id AND NOT splittest.cancelled
     WHERE splitting.task_id = $1 AND splitting.epoch = $2 AND splitting.last_subscriber_id = $3 AND NOT splitting.frozen
       FOR UPDATE OF splitting
), found AS (
    SELECT person.id AS subscriber_id, (row_number() OVER (ORDER BY person.id))::integer - 1 AS place
      FROM subscriber AS person {joins}
     WHERE person.account_id = $5 AND person.id > $3 AND person.id <= $4 AND {matches} AND {mailable}
), frozen AS (
    INSERT INTO split_recipient (shard, task_id, ordinal, subscriber_id)
    SELECT mine.shard, mine.task_id, mine.next_ordinal + found.place, found.subscriber_id
      FROM mine CROSS JOIN found
), moved AS (
    UPDATE splitting
       SET last_subscriber_id = $4,
           next_ordinal = splitting.next_ordinal + (SELECT count(*) FROM found)::integer,
           leased_until = clock_timestamp() + $6 * interval '1 second'
      FROM mine
     WHERE splitting.task_id = mine.task_id
)
SELECT EXISTS (SELECT FROM mine);

-- freezing_done
-- Ends the cursor, for the holder alone: whoever draws from here on, also one who was overtaken meanwhile, draws from the same.
-- $1 task to the rest, $2 epoch, $3 behind every subscriber
UPDATE splitting
   SET last_subscriber_id = $3
 WHERE task_id = $1 AND epoch = $2 AND NOT frozen
RETURNING next_ordinal AS recipients;

-- close_splitting
-- In the transaction that draws the sample. $1 task to the rest
UPDATE splitting
   SET frozen = true, owner = NULL, leased_until = '-infinity'
 WHERE task_id = $1;

-- drawn
-- $1 split test
SELECT recipients, seed, shares, task_ids, rest_task_id FROM splittest WHERE id = $1;

-- go_by_index
-- As for every freeze: no plan that reads the whole table. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true);

-- freeze_share
-- The next recipients of a task of a split test: those who were drawn for it, numbered anew, with the address they have now. Who is
-- gone by now keeps his place without one, and nothing is sent to him. By which lists people are reached is what the split
-- test has settled. Answers whether the page was this process's to write.
-- $1 task, $2 epoch, $3 its next ordinal, $4 ordinals of the split test, $5 its task to the rest, $6 lease seconds
WITH mine AS (
    SELECT sending.shard, sending.task_id
      FROM sending
      JOIN task ON task.id = sending.task_id AND NOT task.cancelled
     WHERE sending.task_id = $1 AND sending.epoch = $2 AND sending.next_ordinal = $3 AND NOT sending.frozen
       FOR UPDATE OF sending
), drawn AS (
    SELECT split_recipient.subscriber_id, coalesce(subscriber.email, '') AS address,
           (row_number() OVER (ORDER BY split_recipient.ordinal))::integer - 1 AS place
      FROM split_recipient
      LEFT JOIN subscriber ON subscriber.id = split_recipient.subscriber_id
     WHERE split_recipient.task_id = $5 AND split_recipient.ordinal = ANY ($4::integer[])
), frozen AS (
    INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
    SELECT mine.shard, mine.task_id, $3 + drawn.place, drawn.subscriber_id, drawn.address
      FROM mine CROSS JOIN drawn
), moved AS (
    UPDATE sending
       SET next_ordinal = $3 + (SELECT count(*) FROM drawn)::integer,
           reached_lists = (SELECT reached_lists FROM splitting WHERE splitting.task_id = $5),
           leased_until = clock_timestamp() + $6 * interval '1 second'
      FROM mine
     WHERE sending.task_id = mine.task_id
)
SELECT EXISTS (SELECT FROM mine);

-- splittests_to_measure
-- Those whose variants have all ended, and the delay after that is over. $1 limit
SELECT splittest.id, splittest.account_id, splittest.task_ids, splittest.rest_task_id, splittest.criterion,
       ARRAY (SELECT cancelled FROM task WHERE id = ANY (splittest.task_ids) ORDER BY id) AS cancelled,
       ended.due_at
  FROM splittest
 CROSS JOIN LATERAL (
       SELECT max(endtime) + splittest.delay * interval '1 hour' AS due_at, bool_and(task.completed OR task.cancelled) AS all_of_them
         FROM task
        WHERE task.id = ANY (splittest.task_ids)) AS ended
 WHERE NOT splittest.completed AND NOT splittest.cancelled AND splittest.recipients IS NOT NULL
   AND splittest.measured_at IS NULL AND splittest.winner_message_id IS NULL
   AND ended.all_of_them AND ended.due_at <= clock_timestamp()
 ORDER BY ended.due_at, splittest.id
 LIMIT $1;

-- mark_due
-- Whatever was recorded until now was so by a transaction before this mark. Another delay, or a restored database, needs another
-- one. $1 task to the rest, $2 when the delay was over
UPDATE splitting
   SET mark = pg_snapshot_xmax(pg_current_snapshot()), marked_in = store_epoch(), marked_for = $2
 WHERE task_id = $1 AND (mark IS NULL OR marked_in <> store_epoch() OR marked_for <> $2);

-- is_projected
-- Whether every transaction before the mark has ended, and of what those have recorded of the variants nothing is left that the
-- projection does not hold. $1 task to the rest, $2 tasks
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= splitting.mark
       AND NOT EXISTS (
           SELECT
             FROM segment
             JOIN projection ON projection.shard = segment.shard AND live
            WHERE segment.task_id = ANY ($2::bigint[])
              AND (segment.store_epoch < splitting.marked_in OR segment.xid < splitting.mark)
              AND (segment.store_epoch, segment.xid, segment.position)
                > (projection.store_epoch, projection.xid, projection.position))
  FROM splitting
 WHERE task_id = $1;

-- finished_splittests
-- Those whose tasks have all ended. $1 limit
SELECT id, account_id
  FROM splittest
 WHERE NOT completed AND NOT cancelled AND winner_message_id IS NOT NULL
   AND NOT EXISTS (SELECT
                     FROM task
                    WHERE task.id = ANY (task_ids || coalesce(winner_task_id, 0))
                      AND NOT (task.completed OR task.cancelled))
 ORDER BY id
 LIMIT $1;
