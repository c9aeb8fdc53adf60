-- addresses_of
-- All that he is known to have or to have had. $1 account, $2 subscriber
SELECT 'email' AS channel, email AS address FROM subscriber WHERE account_id = $1 AND id = $2 AND email IS NOT NULL
 UNION
SELECT 'sms', telephone FROM subscriber WHERE account_id = $1 AND id = $2 AND telephone IS NOT NULL
 UNION
SELECT channel, address FROM suppression WHERE account_id = $1 AND subscriber_id = $2 AND address IS NOT NULL;

-- answers_telling
-- Kept answers that say one of these, whoever they are about: read once, however many there are, before anything is locked.
-- $1 account, $2 addresses in lower case
SELECT method, path, key
  FROM idempotency
 WHERE account_id = $1
   AND EXISTS (SELECT FROM unnest($2::text[]) AS told (address) WHERE position(address IN lower(convert_from(body, 'UTF8'))) > 0);

-- lock_person
-- $1 account, $2 subscriber
SELECT id, email, telephone, optout FROM subscriber WHERE account_id = $1 AND id = $2 FOR UPDATE;

-- lists_left
-- $1 subscriber
SELECT list_id FROM subscription WHERE subscriber_id = $1 AND ended_at IS NOT NULL ORDER BY list_id;

-- blank_suppressions
-- The hash knows the address again, and nothing else does. Words that tell it go too.
-- $1 account, $2 subscriber, $3 hashes of his addresses, $4 the addresses in lower case
UPDATE suppression
   SET address = NULL, subscriber_id = NULL,
       detail = CASE WHEN EXISTS (SELECT FROM unnest($4::text[]) AS told (address) WHERE position(told.address IN lower(detail)) > 0)
                     THEN NULL ELSE detail END,
       source = CASE WHEN EXISTS (SELECT FROM unnest($4::text[]) AS told (address) WHERE position(told.address IN lower(source)) > 0)
                     THEN 'erased' ELSE source END
 WHERE account_id = $1 AND (subscriber_id = $2 OR (channel IN ('email', 'sms') AND hash = ANY ($3::bytea[])));

-- blank_notices
-- What has begun is in the hands of a channel, and is blanked once it is out of them. $1 account, $2 subscriber, $3 addresses in lower case
UPDATE notice
   SET subscriber_id = CASE WHEN sample_id = $2 THEN subscriber_id ELSE $2 END,
       address = CASE WHEN begun AND state = 'waiting' THEN address END,
       content = CASE WHEN begun AND state = 'waiting' THEN content END,
       reason = CASE WHEN NOT begun AND state = 'waiting' THEN 'erased' ELSE reason END,
       state = CASE WHEN NOT begun AND state = 'waiting' THEN 'failed' ELSE state END
 WHERE account_id = $1 AND (subscriber_id = $2 OR sample_id = $2 OR lower(address) = ANY ($3::text[]));

-- blank_inbound_sms
-- $1 account, $2 subscriber, $3 his numbers
UPDATE inbound_sms
   SET from_number = NULL, to_number = NULL, body = NULL, repeat_key = NULL
 WHERE account_id = $1 AND (subscriber_id = $2 OR from_number = ANY ($3::text[]));

-- answers_about
-- $1 account, $2 subscriber, $3 methods, $4 paths, $5 keys of those that were found to tell his address
SELECT method, path, key, body
  FROM idempotency
 WHERE account_id = $1 AND subscriber_ids @> ARRAY[$2::bigint]
 UNION
SELECT idempotency.method, idempotency.path, idempotency.key, body
  FROM unnest($3::text[], $4::text[], $5::text[]) AS found (method, path, key)
  JOIN idempotency ON idempotency.account_id = $1 AND idempotency.method = found.method AND idempotency.path = found.path
                  AND idempotency.key = found.key;

-- blank_answer
-- $1 account, $2 method, $3 path, $4 key, $5 what is left of it
UPDATE idempotency SET body = $5 WHERE account_id = $1 AND method = $2 AND path = $3 AND key = $4;

-- remove_person
-- With his subscriptions and what he did with all that was sent to him. $1 subscriber
DELETE FROM subscriber WHERE id = $1;

-- note_erasure
-- $1 subscriber, $2 account, $3 user
INSERT INTO erasure (subscriber_id, account_id, user_id) VALUES ($1, $2, $3);

-- unfinished
-- $1 account, $2 subscriber
SELECT EXISTS (SELECT FROM erasure WHERE account_id = $1 AND subscriber_id = $2 AND finished_at IS NULL);

-- left_unfinished
-- One that nobody is at any more. $1 seconds since it was begun
SELECT account_id, subscriber_id
  FROM erasure
 WHERE finished_at IS NULL AND cdate < clock_timestamp() - $1 * interval '1 second'
 ORDER BY cdate
 LIMIT 1;

-- hold_freezing
-- Until the commit no page of an audience of this account is being frozen: one that may have found him is over. $1 account
SELECT sending.task_id
  FROM sending
  JOIN task ON task.id = sending.task_id
 WHERE task.account_id = $1 AND NOT frozen
 ORDER BY sending.task_id
   FOR UPDATE OF sending;

-- tasks_that_reached
-- A page of the account's tasks behind the last one that was looked at, and which of their recipients he is, if any.
-- $1 account, $2 subscriber, $3 limit
SELECT task.id, ordinal_of_subscriber(task.id, $2) AS ordinal
  FROM (SELECT id
          FROM task
         WHERE account_id = $1 AND started
           AND id > (SELECT last_task_id FROM erasure WHERE subscriber_id = $2)
         ORDER BY id
         LIMIT $3) AS page
  JOIN task ON task.id = page.id
 ORDER BY task.id;

-- blank_contact_records
-- The row stays, and with it the ordinal. $1 tasks, $2 ordinals
UPDATE contact_record
   SET address = ''
  FROM unnest($1::bigint[], $2::integer[]) AS reached (task_id, ordinal)
 WHERE contact_record.task_id = reached.task_id AND contact_record.ordinal = reached.ordinal AND contact_record.address <> '';

-- note_reached
-- $1 subscriber, $2 last task
UPDATE erasure SET last_task_id = $2 WHERE subscriber_id = $1;

-- batches_at_work
-- What a sender holds at this moment may have been handed over with his address; whatever is claimed later is not.
-- $1 account, $2 subscriber
SELECT batch.task_id, batch.number, batch.epoch, batch.ordinals, ordinal_of_subscriber(batch.task_id, $2) AS ordinal
  FROM batch
  JOIN task ON task.id = batch.task_id
 WHERE task.account_id = $1 AND NOT batch.done AND batch.owner IS NOT NULL AND batch.leased_until > clock_timestamp();

-- still_at_work
-- $1 tasks, $2 numbers, $3 epochs, $4 account, $5 subscriber
SELECT EXISTS (SELECT
                 FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS held (task_id, number, epoch)
                 JOIN batch ON batch.task_id = held.task_id AND batch.number = held.number AND batch.epoch = held.epoch
                WHERE NOT batch.done AND batch.owner IS NOT NULL AND batch.leased_until > clock_timestamp())
    OR EXISTS (SELECT
                 FROM notice
                WHERE account_id = $4 AND (subscriber_id = $5 OR sample_id = $5) AND state = 'waiting' AND begun);

-- finish_erasure
-- $1 subscriber
UPDATE erasure SET finished_at = clock_timestamp() WHERE subscriber_id = $1;
