-- due_tasks
-- Tasks whose time has come by the clock of the database, of the channels that can be sent. $1 limit, $2 channels,
-- $3 whether mail is sent from domains alone whose key DNS shows
SELECT task.id, task.account_id, task.rate, message.version AS message_version,
       lower(split_part(message.content ->> 'from_email', '@', 2)) AS from_domain
  FROM task
  JOIN message ON message.id = task.message_id
 WHERE NOT task.started AND NOT task.cancelled AND task.scheduledtime <= clock_timestamp()
   AND task.channel = ANY ($2::text[])
   AND (NOT $3::boolean OR task.channel <> 'email' OR EXISTS (
           SELECT FROM sending_domain
            WHERE account_id = task.account_id AND NOT removed AND 'dkim-rsa' = ANY (found)
              AND sending_domain.name = lower(split_part(message.content ->> 'from_email', '@', 2))))
 ORDER BY task.scheduledtime, task.id
 LIMIT $1;

-- held_back
-- The due emails that are not started for want of such a domain. $1 limit
SELECT task.id
  FROM task
  JOIN message ON message.id = task.message_id
 WHERE NOT task.started AND NOT task.cancelled AND task.scheduledtime <= clock_timestamp() AND task.channel = 'email'
   AND NOT EXISTS (
           SELECT FROM sending_domain
            WHERE account_id = task.account_id AND NOT removed AND 'dkim-rsa' = ANY (found)
              AND sending_domain.name = lower(split_part(message.content ->> 'from_email', '@', 2)))
 ORDER BY task.id
 LIMIT $1;

-- ensure_partitions
-- $1 task
SELECT ensure_task_partitions($1);

-- open_sending
-- In the transaction that starts the task. The keys that sign it are settled with it: those of its From domain, where that is one
-- of the account's. $1 shard, $2 task, $3 burst, $4 seconds each, $5 account, $6 From domain (null: nothing is signed),
-- $7 whether a key signs only once DNS shows it
INSERT INTO sending (shard, task_id, burst, seconds_each, dkim_keys)
VALUES ($1, $2, $3, $4, ARRAY (
        SELECT dkim_key.id
          FROM sending_domain
          JOIN dkim_key ON dkim_key.domain_id = sending_domain.id
         WHERE sending_domain.account_id = $5 AND sending_domain.name = $6 AND NOT sending_domain.removed
           AND dkim_key.algorithm IN ('rsa-sha256', sending_domain.algorithm)
           AND (NOT $7::boolean OR CASE dkim_key.algorithm
                                       WHEN 'rsa-sha256' THEN 'dkim-rsa'
                                       ELSE 'dkim-ed25519'
                                   END = ANY (sending_domain.found))
         ORDER BY dkim_key.id))
ON CONFLICT DO NOTHING;

-- claim_freezing
-- One task whose audience is to be frozen, for this process alone while the lease lasts. $1 owner, $2 lease seconds
UPDATE sending
   SET owner = $1, epoch = sending.epoch + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
  FROM (SELECT task_id
          FROM sending
         WHERE NOT frozen AND leased_until < clock_timestamp()
         ORDER BY task_id
         LIMIT 1
           FOR UPDATE SKIP LOCKED) AS free
  JOIN task ON task.id = free.task_id
 WHERE sending.task_id = free.task_id
RETURNING sending.task_id, sending.epoch, task.account_id, task.list_id, task.channel,
          extract(epoch FROM task.cdate)::float8 AS cdate;

-- freeze_chunk
-- The page is cut before anything is joined to it, so that no plan reads the whole list.
-- Writes down the next recipients, numbered without a gap, and moves the cursor, all in the database. Nothing is written when
-- the epoch has risen or the task was cancelled. excluded counts those whom `size` counted and who have left since.
-- $1 task, $2 epoch, $3 list, $4 channel, $5 rows, $6 lease seconds, $7 creation of the task
WITH mine AS (
    SELECT sending.shard, sending.task_id, sending.last_subscriber_id, sending.next_ordinal
      FROM sending
      JOIN task ON task.id = sending.task_id AND NOT task.cancelled
     WHERE sending.task_id = $1 AND sending.epoch = $2 AND NOT sending.frozen
       FOR UPDATE OF sending
), page AS (
    SELECT next.*, subscriber.optout, CASE WHEN $4 = 'email' THEN subscriber.email ELSE subscriber.telephone END AS address
      FROM mine
     CROSS JOIN LATERAL (
           SELECT subscriber_id, confirmed, ended_at, signup_at
             FROM subscription
            WHERE list_id = $3 AND subscriber_id > mine.last_subscriber_id
            ORDER BY subscriber_id
            LIMIT $5) AS next
      JOIN subscriber ON subscriber.id = next.subscriber_id
), mailable AS (
    SELECT subscriber_id, address, (row_number() OVER (ORDER BY subscriber_id))::integer - 1 AS place
      FROM page
     WHERE confirmed AND ended_at IS NULL AND address IS NOT NULL AND optout = 'none'
), frozen AS (
    INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
    SELECT mine.shard, mine.task_id, mine.next_ordinal + mailable.place, mailable.subscriber_id, mailable.address
      FROM mine CROSS JOIN mailable
), moved AS (
    UPDATE sending
       SET last_subscriber_id = (SELECT max(subscriber_id) FROM page),
           next_ordinal = sending.next_ordinal + (SELECT count(*) FROM mailable)::integer,
           leased_until = clock_timestamp() + $6 * interval '1 second',
           excluded = jsonb_build_object('unsubscribed',
               coalesce((sending.excluded ->> 'unsubscribed')::integer, 0) + (
                   SELECT count(*) FROM page WHERE confirmed AND ended_at > to_timestamp($7) AND signup_at <= to_timestamp($7)))
      FROM mine
     WHERE sending.task_id = mine.task_id AND EXISTS (SELECT FROM page)
)
SELECT count(*) FROM page;

-- freezing_done
-- Ends the cursor, for the holder alone: from here on nobody is added, so whoever records the frozen audience, also one who was
-- overtaken meanwhile, records the same. $1 task, $2 epoch, $3 behind every subscriber
UPDATE sending
   SET last_subscriber_id = $3
 WHERE task_id = $1 AND epoch = $2 AND NOT frozen
RETURNING next_ordinal AS recipients, excluded;

-- close_freezing
-- In the transaction that records the frozen audience, which happens once, whoever holds the lease by then. $1 task
UPDATE sending
   SET frozen = true, owner = NULL, leased_until = '-infinity'
 WHERE task_id = $1;

-- cut_batches
-- $1 shard, $2 task, $3 numbers, $4 ordinals, $5 sizes
INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at)
SELECT $1, $2, number, ordinals, size, 1, clock_timestamp()
  FROM unnest($3::bigint[], $4::bytea[], $5::integer[]) AS cut (number, ordinals, size)
ON CONFLICT DO NOTHING;

-- release_cancelled
-- What waits of cancelled tasks, for another attempt or for its turn by the rate, is for the sender to settle now: nothing of it
-- is sent. In the order in which batches are concluded, and past those that somebody is just writing.
WITH waiting AS (
    SELECT batch.task_id, batch.number
      FROM batch
      JOIN task ON task.id = batch.task_id
      JOIN sending ON sending.task_id = batch.task_id
     WHERE NOT batch.done AND task.cancelled AND (batch.due_at > clock_timestamp() OR sending.burst IS NOT NULL)
     ORDER BY batch.task_id, batch.number
       FOR UPDATE OF batch SKIP LOCKED
), unpaced AS (
    UPDATE sending
       SET burst = NULL
      FROM (SELECT DISTINCT task_id FROM waiting) AS stopped
     WHERE sending.task_id = stopped.task_id
)
UPDATE batch
   SET due_at = clock_timestamp()
  FROM waiting
 WHERE batch.task_id = waiting.task_id AND batch.number = waiting.number;
