-- tasks_of_campaign
-- Those that have an audience, with how many it is so far and what they link to. $1 account, $2 campaign
SELECT task.id, task.channel, coalesce(task.recipients, sending.next_ordinal) AS recipients, message_version.links
  FROM task
  JOIN sending ON sending.task_id = task.id
  JOIN message_version ON message_version.message_id = task.message_id AND message_version.version = task.message_version
 WHERE task.account_id = $1 AND task.campaign_id = $2
 ORDER BY task.id;

-- at_one_moment
-- The first statement of the transaction.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- hits_covering
-- Those that may hold a hit of ordinals $2 to $3, a page at a time. $1 task, $4 kinds, $5 $6 $7 batch, epoch, part of the last one,
-- $8 limit
SELECT kind, hits, batch, epoch, part
  FROM segment
 WHERE task_id = $1 AND first_ordinal <= $3 AND last_ordinal >= $2 AND kind = ANY ($4::smallint[])
   AND (batch, epoch, part) > ($5, $6, $7)
 ORDER BY batch, epoch, part
 LIMIT $8;

-- recipients
-- hash: of mail alone, and of nobody who was erased. $1 task, $2 first ordinal, $3 last one, $4 whether it is mail
SELECT ordinal, subscriber_id, CASE WHEN $4::boolean THEN email_hash(nullif(address, '')) END AS hash
  FROM contact_record
 WHERE task_id = $1 AND ordinal BETWEEN $2 AND $3
 ORDER BY ordinal;

-- go_by_index
-- A plan made while a table was small would read the whole of it for every row. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true);

-- recipients_found
-- Of a range of ordinals, those whom a query finds. What stands in braces is put together by shared/audience.
-- $1 account, $2 task, $3 first ordinal, $4 last one
SELECT coalesce(array_agg(contact_record.ordinal), '{{}}') AS ordinals
  FROM contact_record
  JOIN subscriber AS person ON person.id = contact_record.subscriber_id AND person.account_id = $1 {joins}
 WHERE contact_record.task_id = $2 AND contact_record.ordinal BETWEEN $3 AND $4 AND {matches};

-- save_found
-- As above, onto a list: a subscription that is there stays as it is, also one that has ended, and whoever has left the list by another
-- way does not come back. $1 to $4 as above, $5 list, $6 source,
-- $7 now
WITH found AS (
    SELECT DISTINCT person.id
      FROM contact_record
      JOIN subscriber AS person ON person.id = contact_record.subscriber_id AND person.account_id = $1 {joins}
     WHERE contact_record.task_id = $2 AND contact_record.ordinal BETWEEN $3 AND $4 AND {matches}
       AND NOT EXISTS (SELECT FROM suppression WHERE suppression.subscriber_id = person.id AND suppression.list_id = $5)
), added AS (
    INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, source)
    SELECT $5, id, true, to_timestamp($7), $6 FROM found ORDER BY id
        ON CONFLICT DO NOTHING
    RETURNING subscriber_id
)
SELECT (SELECT count(*) FROM found) AS found,
       coalesce((SELECT array_agg(subscriber_id ORDER BY subscriber_id) FROM added), '{{}}') AS added;
