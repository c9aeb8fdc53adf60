-- recent_tasks
-- Whose links may be asked for next: those under way, and the newest. $1 how many of these
SELECT id FROM task WHERE started AND NOT completed AND NOT cancelled
 UNION
(SELECT id FROM task ORDER BY id DESC LIMIT $1);

-- known_tasks
-- Those whose audience is frozen. None of it changes then, and no token is sent before. $1 tasks
SELECT task.id, task.recipients, message_version.links
  FROM task
  JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
 WHERE task.id = ANY ($1::bigint[]) AND task.recipients IS NOT NULL;

-- sizes_of_tasks
-- $1 tasks
SELECT id, recipients FROM task WHERE id = ANY ($1::bigint[]) AND recipients IS NOT NULL;

-- replayed_of
-- Until the commit nobody else goes on with it. $1 journal
SELECT replayed FROM hit_journal WHERE journal = $1 FOR UPDATE;

-- advance_journal
-- No row: somebody else was there. $1 journal, $2 bytes replayed before, $3 bytes replayed now
INSERT INTO hit_journal AS known (journal, replayed)
VALUES ($1, $3)
    ON CONFLICT (journal) DO UPDATE SET replayed = $3, advanced_at = clock_timestamp() WHERE known.replayed = $2
RETURNING replayed;

-- addressee
-- Whom a message went to, and by what; and the addresses he has now, if he is still known. $1 task, $2 ordinal
SELECT contact_record.subscriber_id, contact_record.address, task.account_id, task.list_id, task.channel,
       subscriber.email, subscriber.telephone
  FROM contact_record
  JOIN task ON task.id = contact_record.task_id
  LEFT JOIN subscriber ON subscriber.id = contact_record.subscriber_id
 WHERE contact_record.task_id = $1 AND contact_record.ordinal = $2;

-- end_subscription
-- An end that is there stays as it is. $1 list, $2 subscriber, $3 when he wished it
UPDATE subscription SET ended_at = least(clock_timestamp(), to_timestamp($3)) WHERE list_id = $1 AND subscriber_id = $2 AND ended_at IS NULL;

-- opt_out_of_all
-- $1 subscriber
UPDATE subscriber SET optout = 'all' WHERE id = $1 AND optout <> 'all';

-- opt_out_of_blasts
-- Whoever has opted out of more stays so. $1 subscriber
UPDATE subscriber SET optout = 'blast' WHERE id = $1 AND optout = 'none';

-- hold_repeats
-- Until the commit, whoever brings the same SMS waits, and then finds it. $1 repeat key
SELECT pg_advisory_xact_lock(hashtextextended('inbound sms ' || encode($1::bytea, 'hex'), 0));

-- add_inbound_sms
-- With whoever has the number. No row: it is there already. Where a gateway has no ids, a STOP behind a START is a new one whatever
-- was said before; a START behind a STOP is not, as a gateway may only be telling it again. $1 account, $2 meaning, $3 from, $4 to,
-- $5 text, $6 repeat key, $7 seconds for which the same is a repeat, $8 seconds for which it is kept, $9 whether it has an id
INSERT INTO inbound_sms (account_id, subscriber_id, meaning, from_number, to_number, body, repeat_key, expires_at)
SELECT $1, (SELECT id FROM subscriber WHERE subscriber.account_id = $1 AND telephone = $3), $2, $3, $4, $5, $6,
       clock_timestamp() + $8 * interval '1 second'
 WHERE NOT EXISTS (SELECT FROM inbound_sms AS told
                    WHERE account_id = $1 AND repeat_key = $6 AND cdate > clock_timestamp() - $7 * interval '1 second'
                      AND ($9 OR $2 <> 'stop'
                           OR NOT EXISTS (SELECT FROM inbound_sms AS later
                                           WHERE later.account_id = $1 AND later.from_number = $3 AND later.meaning = 'start'
                                             AND later.expires_at > told.expires_at)))
RETURNING id, subscriber_id;

-- stops_among
-- The opt-outs that came by SMS. $1 suppressions
SELECT id FROM suppression WHERE id = ANY ($1::bigint[]) AND source = 'sms' ORDER BY id;

-- forget_inbound_sms
-- What was said by whom; that it came, and what it meant, stays. $1 limit
WITH expired AS (
    SELECT id
      FROM inbound_sms
     WHERE from_number IS NOT NULL AND expires_at <= clock_timestamp()
     ORDER BY expires_at
     LIMIT $1
       FOR UPDATE SKIP LOCKED
)
UPDATE inbound_sms
   SET from_number = NULL, to_number = NULL, body = NULL, repeat_key = NULL
  FROM expired
 WHERE inbound_sms.id = expired.id;
