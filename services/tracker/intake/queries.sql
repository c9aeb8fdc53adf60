-- known_task
-- None of it changes once the audience is frozen, and no token is sent before. $1 task
SELECT task.recipients, message_version.links
  FROM task
  JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
 WHERE task.id = $1 AND task.recipients IS NOT NULL;

-- addressee
-- Whom a message went to, and by what; and the addresses he has now, if he is still known. $1 task, $2 ordinal
SELECT contact_record.subscriber_id, contact_record.address, task.account_id, task.list_id, task.channel,
       subscriber.email, subscriber.telephone
  FROM contact_record
  JOIN task ON task.id = contact_record.task_id
  LEFT JOIN subscriber ON subscriber.id = contact_record.subscriber_id
 WHERE contact_record.task_id = $1 AND contact_record.ordinal = $2;

-- end_subscription
-- An end that is there stays as it is. $1 list, $2 subscriber
UPDATE subscription SET ended_at = clock_timestamp() WHERE list_id = $1 AND subscriber_id = $2 AND ended_at IS NULL;

-- opt_out_of_all
-- $1 subscriber
UPDATE subscriber SET optout = 'all' WHERE id = $1 AND optout <> 'all';

-- opt_out_of_blasts
-- Whoever has opted out of more stays so. $1 subscriber
UPDATE subscriber SET optout = 'blast' WHERE id = $1 AND optout = 'none';
