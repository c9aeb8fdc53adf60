-- find_references
-- Whose messages these names are; of a name that came twice the newest. $1 names
SELECT DISTINCT ON (reference) reference, task_id, ordinal
  FROM sms_reference
 WHERE reference = ANY ($1::text[])
 ORDER BY reference, recorded_at DESC;

-- forget_references
-- A chunk of those for which no receipt comes any more. $1 days, $2 limit
DELETE FROM sms_reference
 WHERE (reference, task_id, ordinal) IN (SELECT reference, task_id, ordinal
                                           FROM sms_reference
                                          WHERE recorded_at < clock_timestamp() - $1 * interval '1 day'
                                          LIMIT $2);
