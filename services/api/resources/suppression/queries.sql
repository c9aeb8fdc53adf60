-- lists_of_account
-- $1 account, $2 lists
SELECT id FROM list WHERE account_id = $1 AND id = ANY ($2::bigint[]);

-- end_subscriptions
-- As if they had unsubscribed by a link. $1 lists, $2 subscribers, $3 now
UPDATE subscription
   SET ended_at = to_timestamp($3)
  FROM unnest($1::bigint[], $2::bigint[]) AS ended (list_id, subscriber_id)
 WHERE subscription.list_id = ended.list_id AND subscription.subscriber_id = ended.subscriber_id
   AND subscription.ended_at IS NULL;

-- opt_out
-- $1 subscribers
UPDATE subscriber SET optout = 'all' WHERE id = ANY ($1::bigint[]) AND optout <> 'all';

-- read_suppressions
-- $1 account, $2 ids
SELECT id, channel, address, list_id, reason, marketing_only, source, detail, subscriber_id, task_id,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM suppression
 WHERE account_id = $1 AND id = ANY ($2::bigint[]);

-- wished_with
-- What a person wished at one moment was recorded for each of his addresses, and is lifted as one. $1 account, $2 suppression
SELECT sibling.id
  FROM suppression AS asked
  JOIN suppression AS sibling ON sibling.subscriber_id = asked.subscriber_id AND sibling.reason = asked.reason
                             AND sibling.list_id IS NOT DISTINCT FROM asked.list_id AND sibling.cdate = asked.cdate
 WHERE asked.account_id = $1 AND asked.id = $2 AND asked.reason IN ('unsubscribed', 'opted_out')
   AND sibling.account_id = $1;

-- suppression_page
-- $1 account, $2 hashes of the address, $3 whether a list is asked for, $4 that list or null, $5 reason, $6 channel; null: any
-- $7 last id of the page before, $8 limit
SELECT id, channel, address, list_id, reason, marketing_only, source, detail, subscriber_id, task_id,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM suppression
 WHERE account_id = $1 AND ($2::bytea[] IS NULL OR hash = ANY ($2::bytea[]))
   AND (NOT $3::boolean OR list_id IS NOT DISTINCT FROM $4::bigint)
   AND ($5::text IS NULL OR reason = $5) AND ($6::text IS NULL OR channel = $6)
   AND id > $7
 ORDER BY id
 LIMIT $8;

-- suppression_total
-- $1 to $6 as above
SELECT count(*)
  FROM suppression
 WHERE account_id = $1 AND ($2::bytea[] IS NULL OR hash = ANY ($2::bytea[]))
   AND (NOT $3::boolean OR list_id IS NOT DISTINCT FROM $4::bigint)
   AND ($5::text IS NULL OR reason = $5) AND ($6::text IS NULL OR channel = $6);
