-- due_tasks
-- Tasks whose time has come by the clock of the database, of the channels that can be sent. $1 limit, $2 channels,
-- $3 whether mail is sent from domains alone whose key DNS shows. One that has expired starts whatever it waits for: to come to its end
-- Both ways by an index of their own: one condition for the two would read every task there ever was. What won a split test goes
-- to the rest as it was when it won, whatever became of the message since.
SELECT task.id, task.account_id, task.rate,
       coalesce((SELECT max(variant.message_version)
                   FROM task AS variant
                  WHERE variant.splittest_id = task.splittest_id AND variant.message_id = task.message_id),
                message.version) AS message_version,
       lower(split_part(message.content ->> 'from_email', '@', 2)) AS from_domain,
       (SELECT correlation FROM event WHERE stream = 'task-' || task.id AND version = 1) AS correlation
  FROM (SELECT id
          FROM task
         WHERE NOT started AND NOT cancelled AND NOT paused AND scheduledtime <= clock_timestamp()
         UNION
        SELECT id
          FROM task
         WHERE NOT started AND NOT cancelled AND expires IS NOT NULL AND expires <= clock_timestamp()) AS due
  JOIN task ON task.id = due.id
  JOIN message ON message.id = task.message_id
 WHERE task.channel = ANY ($2::text[]) AND (SELECT store_is_open())
   AND (NOT $3::boolean OR task.channel <> 'email' OR task.expires <= clock_timestamp() OR EXISTS (
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
 WHERE NOT task.started AND NOT task.cancelled AND NOT task.paused AND task.scheduledtime <= clock_timestamp() AND task.channel = 'email'
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
-- of the account's. And whom a search asks for, or the segments of a list, and when that was, so that all of its audience is found by
-- the same.
-- $1 shard, $2 task, $3 burst, $4 seconds each, $5 channel, $6 account, $7 From domain (null: nothing is
-- signed), $8 whether a key signs only once DNS shows it, $9 search or null, $10 list, $11 segments
INSERT INTO sending (shard, task_id, burst, seconds_each, channel, audience, dkim_keys)
VALUES ($1, $2, $3, $4, $5, coalesce((
        SELECT jsonb_build_object('list_id', list_id, 'query', query, 'at', extract(epoch FROM clock_timestamp()))
          FROM saved_search
         WHERE account_id = $6 AND id = $9), (
        SELECT jsonb_build_object('list_id', $10::bigint, 'segments', jsonb_agg(query ORDER BY id),
                                  'at', extract(epoch FROM clock_timestamp()))
          FROM saved_search
         WHERE account_id = $6 AND id = ANY ($11::bigint[])
        HAVING count(*) > 0)), ARRAY (
        SELECT dkim_key.id
          FROM sending_domain
          JOIN dkim_key ON dkim_key.domain_id = sending_domain.id
         WHERE sending_domain.account_id = $6 AND sending_domain.name = $7 AND NOT sending_domain.removed
           AND dkim_key.algorithm IN ('rsa-sha256', sending_domain.algorithm)
           AND (NOT $8::boolean OR CASE dkim_key.algorithm
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
         WHERE NOT frozen AND leased_until < clock_timestamp() AND (SELECT store_is_open())
         ORDER BY task_id
         LIMIT 1
           FOR UPDATE SKIP LOCKED) AS free
  JOIN task ON task.id = free.task_id
 WHERE sending.task_id = free.task_id
RETURNING sending.task_id, sending.epoch, task.account_id, task.list_id, task.search_id, task.segments, task.channel,
          task.splittest_id, sending.next_ordinal, extract(epoch FROM task.cdate)::float8 AS cdate, sending.audience,
          (SELECT message_class(content)
             FROM message_version
            WHERE message_id = task.message_id AND version = task.message_version) AS message_class;

-- go_by_index
-- A plan made while a table was small would read the whole of it for every row of a page, and be kept while it grows. Until the
-- transaction ends.
SELECT set_config('enable_seqscan', 'off', true);

-- freeze_chunk
-- The page is cut before anything is joined to it, so that no plan reads the whole list.
-- Writes down the next recipients, numbered without a gap, and moves the cursor, all in the database. Nothing is written when
-- the epoch has risen or the task was cancelled. Who may be written to is what 0006_suppression.sql says, as at the count of
-- `size`. excluded counts those whom that count held and who have left since, by reason; the person's own word goes first.
-- $1 task, $2 epoch, $3 list, $4 channel, $5 rows, $6 lease seconds, $7 creation of the task
WITH mine AS (
    SELECT sending.shard, sending.task_id, sending.last_subscriber_id, sending.next_ordinal,
           message_class(message_version.content) AS class
      FROM sending
      JOIN task ON task.id = sending.task_id AND NOT task.cancelled
      JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
     WHERE sending.task_id = $1 AND sending.epoch = $2 AND NOT sending.frozen
       FOR UPDATE OF sending
), page AS (
    SELECT next.*, person.address, held.opted_out, held.unsubscribed,
           CASE WHEN optout_forbids(person.optout, mine.class) THEN coalesce(person.optout_at, '-infinity') END AS opted_out_at,
           held.since AS suppressed_at
      FROM mine
     CROSS JOIN LATERAL (
           SELECT subscriber_id, confirmed, ended_at, signup_at
             FROM subscription
            WHERE list_id = $3 AND subscriber_id > mine.last_subscriber_id
            ORDER BY subscriber_id
            LIMIT $5) AS next
     CROSS JOIN LATERAL (
           SELECT optout, optout_at, CASE WHEN $4 = 'email' THEN email ELSE telephone END AS address
             FROM subscriber
            WHERE subscriber.id = next.subscriber_id) AS person
     CROSS JOIN LATERAL (
           SELECT min(cdate) AS since, bool_or(reason = 'opted_out') AS opted_out, bool_or(reason = 'unsubscribed') AS unsubscribed
             FROM suppression
            WHERE suppression.subscriber_id = next.subscriber_id
              AND suppresses(suppression, $4, person.address, $3, mine.class)) AS held
), judged AS (
    SELECT page.*, least(ended_at, opted_out_at, suppressed_at) AS left_at
      FROM page
), mailable AS (
    SELECT subscriber_id, address, (row_number() OVER (ORDER BY subscriber_id))::integer - 1 AS place
      FROM judged
     WHERE confirmed AND left_at IS NULL AND address IS NOT NULL
), gone AS (
    SELECT count(*) FILTER (WHERE why = 'unsubscribed') AS unsubscribed,
           count(*) FILTER (WHERE why = 'opted_out') AS opted_out,
           count(*) FILTER (WHERE why = 'suppressed') AS suppressed
      FROM (SELECT CASE WHEN ended_at IS NOT NULL OR unsubscribed THEN 'unsubscribed'
                        WHEN opted_out_at IS NOT NULL OR opted_out THEN 'opted_out'
                        ELSE 'suppressed'
                    END AS why
              FROM judged
             WHERE confirmed AND signup_at <= to_timestamp($7) AND left_at > to_timestamp($7) AND address IS NOT NULL) AS each_one
), frozen AS (
    INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
    SELECT mine.shard, mine.task_id, mine.next_ordinal + mailable.place, mailable.subscriber_id, mailable.address
      FROM mine CROSS JOIN mailable
), moved AS (
    UPDATE sending
       SET last_subscriber_id = (SELECT max(subscriber_id) FROM page),
           next_ordinal = sending.next_ordinal + (SELECT count(*) FROM mailable)::integer,
           leased_until = clock_timestamp() + $6 * interval '1 second',
           excluded = jsonb_build_object(
               'unsubscribed', coalesce((sending.excluded ->> 'unsubscribed')::integer, 0) + gone.unsubscribed,
               'opted_out', coalesce((sending.excluded ->> 'opted_out')::integer, 0) + gone.opted_out,
               'suppressed', coalesce((sending.excluded ->> 'suppressed')::integer, 0) + gone.suppressed)
      FROM mine CROSS JOIN gone
     WHERE sending.task_id = mine.task_id AND EXISTS (SELECT FROM page)
)
SELECT count(*) FROM page;

-- settle_lists
-- What the names in a search mean, settled at its first page, and what it comes to, whoever settled it.
-- $1 task, $2 epoch, $3 ids by name, $4 the lists by which people are reached, or null
UPDATE sending
   SET audience = jsonb_build_object('lists', $3::jsonb) || audience,
       reached_lists = CASE WHEN audience ? 'lists' THEN reached_lists ELSE $4::bigint[] END
 WHERE task_id = $1 AND epoch = $2 AND NOT frozen
RETURNING audience;

-- plan_each
-- As go_by_index; and each page is planned for itself. How many people lie between two ids differs from account to account, and
-- decides whether they are fetched one by one or in a row. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true);

-- read_in_a_row
-- For a page whose ids lie close together. The planner takes the bounds of a page for independent of each other, so it expects
-- hardly anybody to be left where many tables are joined, and would fetch what is beside them one by one. Until the transaction ends.
SELECT set_config('enable_nestloop', 'off', true);

-- next_of_list
-- Up to whom the next page goes. No row: there is nobody more. $1 task, $2 rows
SELECT sending.last_subscriber_id AS after, max(next.subscriber_id) AS last, count(*) AS people
  FROM sending
 CROSS JOIN LATERAL (
       SELECT subscriber_id
         FROM subscription
        WHERE list_id = {list} AND subscriber_id > sending.last_subscriber_id
        ORDER BY subscriber_id
        LIMIT $2) AS next
 WHERE sending.task_id = $1
 GROUP BY sending.last_subscriber_id;

-- next_of_lists
-- As above, on whichever of the lists: from each list as many as the page has room for, each person once. $1 task, $2 rows
SELECT sending.last_subscriber_id AS after, max(next.subscriber_id) AS last, count(*) AS people
  FROM sending
 CROSS JOIN LATERAL (
       SELECT DISTINCT on_list.subscriber_id
         FROM unnest({lists}) AS source (list_id)
        CROSS JOIN LATERAL (
              SELECT subscriber_id
                FROM subscription
               WHERE subscription.list_id = source.list_id AND subscriber_id > sending.last_subscriber_id
               ORDER BY subscriber_id
               LIMIT $2) AS on_list
        ORDER BY on_list.subscriber_id
        LIMIT $2) AS next
 WHERE sending.task_id = $1
 GROUP BY sending.last_subscriber_id;

-- next_of_account
-- As above, of everybody. $1 task, $2 rows
SELECT sending.last_subscriber_id AS after, max(next.id) AS last, count(*) AS people
  FROM sending
 CROSS JOIN LATERAL (
       SELECT id
         FROM subscriber
        WHERE account_id = {account} AND id > sending.last_subscriber_id
        ORDER BY id
        LIMIT $2) AS next
 WHERE sending.task_id = $1
 GROUP BY sending.last_subscriber_id;

-- freeze_search_page
-- As freeze_chunk, of a search: its next recipients among the people of a page, however few they are. The words in braces are put
-- together by shared/audience, without any value. Answers whether the page was this process's to write.
-- $1 task, $2 epoch, $3 behind this subscriber, $4 up to this one, $5 account, $6 lease seconds
WITH mine AS (
    SELECT sending.shard, sending.task_id, sending.next_ordinal
      FROM sending
      JOIN task ON task.id = sending.task_id AND NOT task.cancelled
     WHERE sending.task_id = $1 AND sending.epoch = $2 AND sending.last_subscriber_id = $3 AND NOT sending.frozen
       FOR UPDATE OF sending
), found AS (
    SELECT person.id AS subscriber_id, {address} AS address, (row_number() OVER (ORDER BY person.id))::integer - 1 AS place
      FROM subscriber AS person {joins}
     WHERE person.account_id = $5 AND person.id > $3 AND person.id <= $4 AND {matches} AND {mailable}
), frozen AS (
    INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
    SELECT mine.shard, mine.task_id, mine.next_ordinal + found.place, found.subscriber_id, found.address
      FROM mine CROSS JOIN found
), moved AS (
    UPDATE sending
       SET last_subscriber_id = $4,
           next_ordinal = sending.next_ordinal + (SELECT count(*) FROM found)::integer,
           leased_until = clock_timestamp() + $6 * interval '1 second'
      FROM mine
     WHERE sending.task_id = mine.task_id
)
SELECT EXISTS (SELECT FROM mine);

-- freezing_done
-- Ends the cursor, for the holder alone: from here on nobody is added, so whoever records the frozen audience, also one who was
-- overtaken meanwhile, records the same. excluded: with those whom the count held and nothing finds any more (0021_people.sql).
-- $1 task, $2 epoch, $3 behind every subscriber
UPDATE sending
   SET last_subscriber_id = $3
 WHERE task_id = $1 AND epoch = $2 AND NOT frozen
RETURNING next_ordinal AS recipients,
          excluded || coalesce((
              SELECT jsonb_object_agg(reason, people)
                FROM (SELECT vanished.reason, count(*) AS people
                        FROM task
                        JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
                        JOIN vanished_subscription AS vanished
                          ON vanished.list_id = task.list_id AND vanished.channel = task.channel
                         AND vanished.class = message_class(message_version.content)
                        LEFT JOIN subscriber ON subscriber.id = vanished.subscriber_id
                       WHERE task.id = $1 AND vanished.signup_at <= task.cdate AND vanished.vanished_at > task.cdate
                         AND (vanished.left_at IS NULL OR vanished.left_at > task.cdate)
                         AND CASE WHEN task.channel = 'email' THEN subscriber.email ELSE subscriber.telephone END IS NULL
                         AND ordinal_of_subscriber($1, vanished.subscriber_id) IS NULL
                       GROUP BY vanished.reason) AS each_reason), '{}') AS excluded;

-- close_freezing
-- In the transaction that records the frozen audience, which happens once, whoever holds the lease by then. $1 task
UPDATE sending
   SET frozen = true, owner = NULL, leased_until = '-infinity'
 WHERE task_id = $1;

-- cut_batches
-- One of which outcomes are known was cut before, in a history that this store has lost: as if it were taken over from somebody.
-- $1 shard, $2 task, $3 numbers, $4 ordinals, $5 sizes
INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at, epoch, taken_over)
SELECT $1, $2, cut.number, cut.ordinals, cut.size, 1, clock_timestamp(), coalesce(before.epoch, 0), before.epoch IS NOT NULL
  FROM unnest($3::bigint[], $4::bytea[], $5::integer[]) AS cut (number, ordinals, size)
  LEFT JOIN LATERAL (SELECT max(epoch) AS epoch FROM segment WHERE task_id = $2 AND batch = cut.number) AS before ON true
ON CONFLICT DO NOTHING;

-- release_ended
-- What waits of cancelled tasks and of expired ones, for another attempt or for its turn by the rate, is for the sender to settle now: nothing of it
-- is sent. In the order in which batches are concluded, and past those that somebody is just writing.
WITH waiting AS (
    SELECT batch.task_id, batch.number
      FROM batch
      JOIN task ON task.id = batch.task_id
      JOIN sending ON sending.task_id = batch.task_id
     WHERE NOT batch.done AND (task.cancelled OR sending.expires <= clock_timestamp())
       AND (batch.due_at > clock_timestamp() OR sending.burst IS NOT NULL)
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

-- windows_to_reckon
-- Those that have shut, or were never reckoned, and the time by which that is. $1 limit
SELECT task_id, send_window, extract(epoch FROM clock_timestamp())::float8 AS now
  FROM sending
 WHERE send_window IS NOT NULL AND closes_at <= clock_timestamp()
 ORDER BY task_id
 LIMIT $1;

-- set_window
-- Not where it is another one by now. $1 task, $2 that window, $3 opens, $4 closes
UPDATE sending
   SET opens_at = to_timestamp($3), closes_at = to_timestamp($4)
 WHERE task_id = $1 AND send_window = $2::jsonb AND closes_at <= clock_timestamp();

-- put_off_resting
-- Nothing of a task at rest is claimed anyway, but a large one would stand in front of every claim: what waits of it is put off by
-- a thousand years, and its own time is kept that way. What somebody holds stays, it is a handful. $1 limit
WITH resting AS (
    SELECT batch.task_id, batch.number
      FROM sending
      JOIN batch ON batch.task_id = sending.task_id
     WHERE (sending.paused OR sending.send_window IS NOT NULL) AND rests(sending) AND NOT batch.done
       AND batch.due_at < clock_timestamp() + interval '36500 days'
       AND batch.owner IS NULL
     ORDER BY batch.task_id, batch.number
     LIMIT $1
       FOR UPDATE OF batch SKIP LOCKED
)
UPDATE batch
   SET due_at = batch.due_at + interval '365000 days'
  FROM resting
 WHERE batch.task_id = resting.task_id AND batch.number = resting.number;

-- call_back_rested
-- What was put off of tasks that go on: due when it would have been. $1 limit
WITH rested AS (
    SELECT batch.task_id, batch.number
      FROM batch
      JOIN sending ON sending.task_id = batch.task_id AND NOT rests(sending)
     WHERE NOT batch.done AND batch.due_at > clock_timestamp() + interval '36500 days'
     ORDER BY batch.task_id, batch.number
     LIMIT $1
       FOR UPDATE OF batch SKIP LOCKED
)
UPDATE batch
   SET due_at = batch.due_at - interval '365000 days'
  FROM rested
 WHERE batch.task_id = rested.task_id AND batch.number = rested.number;
