-- claim_batches
-- Due batches of tasks without a rate, each for this process alone while the lease lasts. A batch that still names an owner was
-- left by one that died or stalled; of a task that rests (0016_expiry_and_windows.sql) it stays so until that goes on. What has
-- expired is claimed to be ended. Nothing of a store that is not open (see the migration store_standing).
-- $1 owner, $2 lease seconds, $3 limit, $4 channel, $5 of tasks of which nothing gets through, or of the others
WITH due AS (
    SELECT batch.task_id, batch.number, batch.owner AS former_owner, sending.blocked_reason IS NOT NULL AS blocked,
           sending.in_doubt, sending.expires <= clock_timestamp() AS expired
      FROM batch
      JOIN sending ON sending.task_id = batch.task_id AND sending.burst IS NULL AND sending.channel = $4
                  AND NOT rests(sending) AND (sending.blocked_reason IS NOT NULL) = $5
     WHERE NOT batch.done AND batch.due_at <= clock_timestamp() AND batch.leased_until < clock_timestamp()
       AND (SELECT store_is_open())
     ORDER BY batch.due_at, batch.task_id, batch.number
     LIMIT $3
       FOR UPDATE OF batch SKIP LOCKED
)
UPDATE batch
   SET owner = $1, epoch = greatest(batch.epoch, epoch_floor()) + 1, leased_until = clock_timestamp() + $2 * interval '1 second',
       taken_over = batch.taken_over OR due.former_owner IS NOT NULL
  FROM due
 WHERE batch.task_id = due.task_id AND batch.number = due.number
RETURNING batch.task_id, batch.number, batch.epoch, batch.attempt, batch.ordinals, batch.resent,
          batch.taken_over, batch.size AS allowed, due.blocked, due.in_doubt, due.expired,
          (SELECT cancelled FROM task WHERE task.id = batch.task_id) AS cancelled;

-- claim_paced
-- One due batch of each task with a rate whose next messages may go now. The row of the task is the one place where its pace is
-- kept, by the clock of the database, so it holds over all dispatchers and restarts. What is granted and not used is gone.
-- $1 owner, $2 lease seconds, $3 limit, $4 channel
WITH paced AS (
    SELECT task_id, burst, seconds_each, blocked_reason IS NOT NULL AS blocked, in_doubt,
           expires <= clock_timestamp() AS expired
      FROM sending
     WHERE burst IS NOT NULL AND frozen AND NOT rests(sending) AND channel = $4 AND next_at <= clock_timestamp()
       AND (SELECT store_is_open())
       AND task_id = ANY (ARRAY (SELECT DISTINCT task_id
                                   FROM batch
                                  WHERE NOT done AND due_at <= clock_timestamp() AND leased_until < clock_timestamp()))
     ORDER BY next_at
     LIMIT $3
       FOR UPDATE SKIP LOCKED
), due AS (
    SELECT paced.task_id, paced.blocked, paced.in_doubt, paced.expired, paced.seconds_each,
           picked.number, picked.former_owner, least(picked.size, paced.burst) AS allowed
      FROM paced
     CROSS JOIN LATERAL (
           SELECT batch.number, batch.size, batch.owner AS former_owner
             FROM batch
            WHERE batch.task_id = paced.task_id AND NOT batch.done
              AND batch.due_at <= clock_timestamp() AND batch.leased_until < clock_timestamp()
            ORDER BY batch.due_at, batch.number
            LIMIT 1
              FOR UPDATE SKIP LOCKED) AS picked
), granted AS (
    UPDATE sending
       SET next_at = clock_timestamp() + due.allowed * due.seconds_each * interval '1 second'
      FROM due
     WHERE sending.task_id = due.task_id
    RETURNING sending.task_id, sending.next_at
)
UPDATE batch
   SET owner = $1, epoch = greatest(batch.epoch, epoch_floor()) + 1, leased_until = clock_timestamp() + $2 * interval '1 second',
       taken_over = batch.taken_over OR due.former_owner IS NOT NULL
  FROM due
  JOIN granted ON granted.task_id = due.task_id
 WHERE batch.task_id = due.task_id AND batch.number = due.number
RETURNING batch.task_id, batch.number, batch.epoch, batch.attempt, batch.ordinals, batch.resent,
          batch.taken_over, due.allowed, due.blocked, due.in_doubt, due.expired, granted.next_at,
          (SELECT cancelled FROM task WHERE task.id = batch.task_id) AS cancelled;

-- grant_anew
-- What claim_paced granted and nothing of which was begun in time, granted once more from now on: as if it had been asked for only
-- now. Nothing while it is another one's turn, or where the task rests or has its end. $1 task, $2 messages, $3 next_at as that
-- grant had left it
UPDATE sending
   SET next_at = clock_timestamp() + $2 * seconds_each * interval '1 second'
 WHERE task_id = $1 AND burst IS NOT NULL AND NOT rests(sending) AND expires > clock_timestamp()
   AND (next_at = $3 OR next_at <= clock_timestamp())
   AND NOT (SELECT cancelled FROM task WHERE id = $1)
RETURNING next_at;

-- next_due
-- Seconds until something of a channel can be claimed, for the wait between two rounds; null when nothing is planned. What is
-- at rest is called back by a planner. $1 channel
SELECT extract(epoch FROM min(greatest(batch.due_at, batch.leased_until, sending.next_at)) - clock_timestamp())::float8
  FROM batch
  JOIN sending ON sending.task_id = batch.task_id AND sending.channel = $1 AND NOT rests(sending)
 WHERE NOT batch.done AND batch.due_at < clock_timestamp() + interval '1 minute';

-- next_paced
-- Seconds until a rate grants something; null when nothing of such a task is there to be sent. $1 channel
SELECT extract(epoch FROM min(next_at) - clock_timestamp())::float8
  FROM sending
 WHERE burst IS NOT NULL AND frozen AND NOT rests(sending) AND channel = $1 AND blocked_reason IS NULL
   AND task_id = ANY (ARRAY (SELECT DISTINCT task_id
                               FROM batch
                              WHERE NOT done AND due_at <= clock_timestamp() AND leased_until < clock_timestamp()));

-- renew_leases
-- Answers the batches that are still this process's. $1 owner, $2 tasks, $3 numbers, $4 epochs, $5 lease seconds
UPDATE batch
   SET leased_until = clock_timestamp() + $5 * interval '1 second'
  FROM unnest($2::bigint[], $3::bigint[], $4::integer[]) AS held (task_id, number, epoch)
 WHERE batch.task_id = held.task_id AND batch.number = held.number AND batch.epoch = held.epoch
   AND batch.owner = $1 AND NOT batch.done
RETURNING batch.task_id, batch.number, batch.epoch;

-- stopped_of
-- Those of the tasks of which nothing more is begun, and why. $1 tasks
SELECT task.id,
       CASE WHEN task.cancelled THEN 'cancelled' WHEN sending.expires <= clock_timestamp() THEN 'expired' ELSE 'paused' END AS halt
  FROM task
  JOIN sending ON sending.task_id = task.id
 WHERE task.id = ANY ($1::bigint[]) AND (task.cancelled OR sending.expires <= clock_timestamp() OR rests(sending));

-- task_to_send
-- What all recipients of a task have in common. bounce_domain: of its campaign, null where it is of none. $1 task
SELECT task.id, task.account_id, task.channel, task.list_id,
       extract(epoch FROM started.recorded_at)::float8 AS started_at, list.name AS list_name,
       message_version.content, message_version.links, bounce.name AS bounce_domain, started.correlation
  FROM task
  JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
  JOIN event AS started ON started.stream = 'task-' || task.id AND started.type = 'task.started'
  LEFT JOIN list ON list.id = task.list_id
  LEFT JOIN campaign ON campaign.id = task.campaign_id
  LEFT JOIN sending_domain AS bounce ON bounce.id = campaign.domain_id
 WHERE task.id = $1;

-- keys_of_task
-- What its messages are signed with: settled when it started, and still there when the domain is gone. $1 task
SELECT dkim_key.id, dkim_key.algorithm, dkim_key.selector, dkim_key.private_key, sending_domain.name AS domain
  FROM sending
  JOIN dkim_key ON dkim_key.id = ANY (sending.dkim_keys)
  JOIN sending_domain ON sending_domain.id = dkim_key.domain_id
 WHERE sending.task_id = $1
 ORDER BY dkim_key.id;

-- keys_of_domain
-- What a message outside of tasks is signed with, by the rule of a task's start (open_sending). $1 account, $2 From domain,
-- $3 whether a key signs only once DNS shows it
SELECT dkim_key.id, dkim_key.algorithm, dkim_key.selector, dkim_key.private_key, sending_domain.name AS domain
  FROM sending_domain
  JOIN dkim_key ON dkim_key.domain_id = sending_domain.id
 WHERE sending_domain.account_id = $1 AND sending_domain.name = $2 AND NOT sending_domain.removed
   AND dkim_key.algorithm IN ('rsa-sha256', sending_domain.algorithm)
   AND (NOT $3::boolean OR CASE dkim_key.algorithm WHEN 'rsa-sha256' THEN 'dkim-rsa' ELSE 'dkim-ed25519' END
                           = ANY (sending_domain.found))
 ORDER BY dkim_key.id;

-- plan_once
-- A task just started is in no statistics, so a plan for these very values looks cheap each time and is made each time anew: that took
-- Postgres half as long as carrying it out. Instead one plan for all, by index alone: made while a table was small it would read the
-- whole of it, and be kept while it grows. Until the transaction ends.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true);

-- recipients_of_batch
-- The frozen addresses with today's vars, and who is not to be written to any more: checked at hand-over, not only at the freeze,
-- by the same rules (0006_suppression.sql). Whom a search has found must still be on a list by which it reaches people and for
-- which he is not suppressed. Of several reasons the oldest is told. Who has another address by now is still written
-- to where he was at the freeze; whatever stands against that address may be somebody else's, or nobody's. metered: whether
-- somebody is to be charged for it, or was while the account was metered. What all have in common is found out once: a message may
-- have megabytes, and is read to learn its class. OFFSET 0: each person is looked up by himself. Where most lists are short, one plan
-- for all would read the whole list for each batch, also of the one that is long. $1 task, $2 ordinals, $3 list
WITH sent AS MATERIALIZED (
    SELECT task.account_id, task.channel, message_class(message_version.content) AS class, sending.reached_lists,
           coalesce($3, CASE WHEN cardinality(sending.reached_lists) = 1 THEN sending.reached_lists[1] END) AS list_id,
           EXISTS (SELECT FROM balance
                    WHERE balance.account_id = task.account_id
                      AND (credit IS NOT NULL OR quota IS NOT NULL OR overage IS NOT NULL OR charged > 0)) AS metered
      FROM task
      JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
      JOIN sending ON sending.task_id = task.id
     WHERE task.id = $1
     LIMIT 1
)
SELECT DISTINCT ON (contact_record.ordinal)
       contact_record.ordinal, contact_record.address, subscriber.email, subscriber.telephone, subscriber.vars, sent.metered,
       CASE WHEN subscriber.id IS NULL THEN 'erased'
            WHEN optout_forbids(subscriber.optout, sent.class) THEN 'opted out'
            WHEN $3::bigint IS NOT NULL AND (subscription.subscriber_id IS NULL OR subscription.ended_at IS NOT NULL)
            THEN 'unsubscribed'
            WHEN $3::bigint IS NULL AND NOT EXISTS (
                     SELECT
                       FROM subscription
                      WHERE subscription.subscriber_id = contact_record.subscriber_id AND confirmed AND ended_at IS NULL
                        AND (sent.reached_lists IS NULL OR list_id = ANY (sent.reached_lists)))
            THEN 'unsubscribed'
            WHEN $3::bigint IS NULL AND cardinality(sent.reached_lists) IS DISTINCT FROM 1 AND NOT EXISTS (
                     SELECT
                       FROM subscription
                      WHERE subscription.subscriber_id = contact_record.subscriber_id AND confirmed AND ended_at IS NULL
                        AND (sent.reached_lists IS NULL OR list_id = ANY (sent.reached_lists))
                        AND NOT EXISTS (
                                SELECT
                                  FROM suppression AS of_list
                                 WHERE of_list.subscriber_id = contact_record.subscriber_id
                                   AND of_list.list_id = subscription.list_id
                                   AND suppresses(of_list, sent.channel, contact_record.address, subscription.list_id, sent.class)))
            THEN 'suppressed for every list that reaches him'
            ELSE coalesce(suppression_words(held.reason, held.cdate, held.detail),
                          suppression_words(former.reason, former.cdate, former.detail))
        END AS suppressed
  FROM contact_record
  JOIN sent ON true
  LEFT JOIN LATERAL (
       SELECT id, email, telephone, vars, optout FROM subscriber WHERE subscriber.id = contact_record.subscriber_id OFFSET 0) AS subscriber ON true
  LEFT JOIN LATERAL (
       SELECT subscription.subscriber_id, ended_at
         FROM subscription
        WHERE subscription.list_id = $3 AND subscription.subscriber_id = contact_record.subscriber_id
       OFFSET 0) AS subscription ON true
  LEFT JOIN LATERAL (
       SELECT reason, cdate, detail
         FROM suppression
        WHERE suppression.subscriber_id = contact_record.subscriber_id
          AND suppresses(suppression, sent.channel, contact_record.address, sent.list_id, sent.class)
       OFFSET 0) AS held ON true
  LEFT JOIN LATERAL (
       SELECT reason, cdate, detail
         FROM suppression
        WHERE lower(contact_record.address) IS DISTINCT FROM
              lower(CASE sent.channel WHEN 'email' THEN subscriber.email ELSE subscriber.telephone END)
          AND suppression.account_id = sent.account_id
          AND suppresses(suppression, sent.channel, contact_record.address, sent.list_id, sent.class)
       OFFSET 0) AS former ON true
 WHERE contact_record.task_id = $1 AND contact_record.ordinal = ANY ($2::integer[])
 ORDER BY contact_record.ordinal, held.cdate, former.cdate;

-- still_held
-- Asked while the account's ledger is locked: once somebody else has settled the batch, nobody of it is charged any more.
-- $1 task, $2 number, $3 epoch, $4 owner
SELECT EXISTS (SELECT FROM batch WHERE task_id = $1 AND number = $2 AND epoch = $3 AND owner = $4 AND NOT done);

-- conclude_batch
-- Ends this process's hold on a batch: done, or given back with whoever is left; and the next attempt of those refused for now.
-- Nothing happens when somebody else holds it by now, or when it was concluded already.
-- $1 task, $2 number, $3 epoch, $4 owner, $5 remaining ordinals (null: done), $6 their number, $7 resent,
-- $8 pause before the rest (null: it keeps its turn), $9 ordinals of the next attempt (null: none), $10 their number, $11 resent of them, $12 pause before it
WITH mine AS (
    UPDATE batch
       SET done = $5::bytea IS NULL, ordinals = coalesce($5::bytea, ordinals), size = $6, resent = $7::bytea,
           owner = NULL, leased_until = '-infinity', taken_over = false,
           due_at = coalesce(clock_timestamp() + $8 * interval '1 second', due_at)
     WHERE task_id = $1 AND number = $2 AND epoch = $3 AND owner = $4 AND NOT done
    RETURNING shard, task_id, attempt
)
INSERT INTO batch (shard, task_id, number, ordinals, size, resent, attempt, due_at)
SELECT shard, task_id, nextval('retry_batch_number'), $9::bytea, $10, $11::bytea, attempt + 1,
       clock_timestamp() + $12 * interval '1 second'
  FROM mine
 WHERE $9::bytea IS NOT NULL;

-- note_block
-- Why nothing of the task gets through, or null: something does. Written only where it changes. $1 task, $2 reason
UPDATE sending SET blocked_reason = $2 WHERE task_id = $1 AND blocked_reason IS DISTINCT FROM $2;

-- settle_doubt
-- After a takeover: who is left, and who was resent, before anything is sent. $1 task, $2 number, $3 epoch, $4 owner,
-- $5 ordinals, $6 their number, $7 resent
UPDATE batch
   SET ordinals = $5, size = $6, resent = $7, taken_over = false
 WHERE task_id = $1 AND number = $2 AND epoch = $3 AND owner = $4 AND NOT done;

-- channels_of
-- $1 tasks
SELECT task_id, channel FROM sending WHERE task_id = ANY ($1::bigint[]);

-- batches_of_owner
-- What a process that died held, for the one that adopts its journal; locked until that is settled. $1 owner
SELECT batch.task_id, batch.number, batch.epoch, batch.attempt, batch.ordinals, batch.resent, batch.taken_over,
       sending.in_doubt, task.account_id,
       CASE WHEN task.cancelled THEN 'cancelled' WHEN sending.expires <= clock_timestamp() THEN 'expired' END AS halt
  FROM batch
  JOIN task ON task.id = batch.task_id
  JOIN sending ON sending.task_id = batch.task_id
 WHERE batch.owner = $1 AND NOT batch.done
 ORDER BY batch.task_id, batch.number
   FOR UPDATE OF batch;

-- finals_of_task
-- Who has an outcome by which hold. $1 task, $2 final kinds
SELECT batch, epoch, ordinals FROM segment WHERE task_id = $1 AND kind = ANY ($2::smallint[]);

-- open_batches
-- What is still to be sent of a task, but for what another process holds; locked until it is settled. $1 task, $2 owner
SELECT batch.task_id, batch.number, batch.epoch, batch.ordinals, batch.resent, sending.in_doubt
  FROM batch
  JOIN sending ON sending.task_id = batch.task_id
 WHERE batch.task_id = $1 AND NOT batch.done
   AND (batch.owner IS NULL OR batch.owner = $2 OR batch.leased_until < clock_timestamp())
 ORDER BY batch.number
   FOR UPDATE OF batch;

-- put_back
-- Without those who are known by now. What is empty is done. $1 task, $2 number, $3 ordinals, $4 their number, $5 resent, $6 epoch
UPDATE batch
   SET ordinals = $3, size = $4, resent = $5, epoch = $6, done = ($4 = 0), owner = NULL, leased_until = '-infinity'
 WHERE task_id = $1 AND number = $2;

-- add_references
-- The names that a gateway gave messages it took; its receipts speak of them by these. $1 task, $2 ordinals, $3 names
INSERT INTO sms_reference (reference, task_id, ordinal)
SELECT reference, $1, ordinal
  FROM unnest($2::integer[], $3::text[]) AS named (ordinal, reference)
ON CONFLICT DO NOTHING;
