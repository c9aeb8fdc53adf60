-- hold_addresses
-- Until the commit nobody is given an address in these accounts: else a suppression of an address and the subscriber who gets it
-- at the same moment would not find each other. $1 accounts
SELECT pg_advisory_xact_lock(hashtextextended('addresses of account ' || account_id, 0))
  FROM (SELECT DISTINCT unnest($1::bigint[]) AS account_id ORDER BY account_id) AS concerned;

-- share_addresses
-- Those who give addresses to subscribers go side by side. $1 account
SELECT pg_advisory_xact_lock_shared(hashtextextended('addresses of account ' || $1::bigint, 0));

-- suppress
-- Adds what is not there under any secret, in the order of the unique index, so that two who add the same wait for each other and
-- never in a circle. What is there stays as it was, but an opt-out of marketing may become one of everything, and whose address
-- it is may be known by now: whoever has it today. Answers what is new by its place among those wanted.
-- $1 accounts, $2 channels, $3 hashes, $4 addresses, $5 subscribers, $6 lists, $7 reasons, $8 marketing only, $9 sources,
-- $10 details, $11 tasks, $12 ordinals, $13 now, $14 places and $15 hashes: each place under every secret
WITH asked AS (
    SELECT *
      FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::boolean[],
                  $9::text[], $10::text[], $11::bigint[], $12::integer[])
           WITH ORDINALITY AS asked (account_id, channel, hash, address, subscriber_id, list_id, reason, marketing_only,
                                     source, detail, task_id, ordinal, place)
), wanted AS (
    SELECT asked.account_id, channel, hash, address, list_id, reason, marketing_only, source, detail, task_id, ordinal, place,
           coalesce(CASE WHEN channel = 'email'
                         THEN (SELECT id FROM subscriber
                                WHERE subscriber.account_id = asked.account_id AND lower(email) = lower(address))
                         ELSE (SELECT id FROM subscriber
                                WHERE subscriber.account_id = asked.account_id AND telephone = address)
                     END, subscriber_id) AS subscriber_id
      FROM asked
), known AS (
    SELECT wanted.place, suppression.id, suppression.marketing_only
      FROM unnest($14::bigint[], $15::bytea[]) AS candidate (place, hash)
      JOIN wanted ON wanted.place = candidate.place
      JOIN suppression ON suppression.account_id = wanted.account_id AND suppression.channel = wanted.channel
                      AND suppression.hash = candidate.hash
                      AND coalesce(suppression.list_id, 0) = coalesce(wanted.list_id, 0)
                      AND suppression.reason = wanted.reason
), renewed AS (
    UPDATE suppression
       SET marketing_only = suppression.marketing_only AND wanted.marketing_only,
           subscriber_id = coalesce(wanted.subscriber_id, suppression.subscriber_id),
           address = coalesce(suppression.address, wanted.address)
      FROM known
      JOIN wanted ON wanted.place = known.place
     WHERE suppression.id = known.id
       AND (suppression.marketing_only AND NOT wanted.marketing_only
            OR suppression.subscriber_id IS DISTINCT FROM wanted.subscriber_id AND wanted.subscriber_id IS NOT NULL
            OR suppression.address IS NULL)
    RETURNING known.place, suppression.id, suppression.subscriber_id,
              known.marketing_only AND NOT suppression.marketing_only AS stricter
), added AS (
    INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, list_id, reason, marketing_only, source, detail,
                             task_id, ordinal, cdate)
    SELECT account_id, channel, hash, address, subscriber_id, list_id, reason, marketing_only, source, detail, task_id, ordinal,
           to_timestamp($13)
      FROM wanted
     WHERE NOT EXISTS (SELECT FROM known WHERE known.place = wanted.place)
     ORDER BY account_id, channel, hash, coalesce(list_id, 0), reason
        ON CONFLICT DO NOTHING
    RETURNING id, account_id, channel, hash, subscriber_id, list_id, reason
)
SELECT wanted.place, added.id, added.subscriber_id
  FROM added
  JOIN wanted ON wanted.account_id = added.account_id AND wanted.channel = added.channel AND wanted.hash = added.hash
             AND wanted.list_id IS NOT DISTINCT FROM added.list_id AND wanted.reason = added.reason
UNION ALL
SELECT place, id, subscriber_id FROM renewed WHERE stricter
 ORDER BY place;

-- lift
-- And what it stands for: an unsubscribe of that list, an opt-out. A STOP (source sms) stands for itself: it left mail alone.
-- $1 account, $2 ids
WITH lifted AS (
    DELETE FROM suppression
     WHERE account_id = $1 AND id = ANY ($2::bigint[])
    RETURNING id, channel, subscriber_id, list_id, reason, source
), reopened AS (
    UPDATE subscription
       SET ended_at = NULL
      FROM lifted
     WHERE lifted.reason = 'unsubscribed' AND subscription.list_id = lifted.list_id
       AND subscription.subscriber_id = lifted.subscriber_id AND subscription.ended_at IS NOT NULL
), permitted AS (
    UPDATE subscriber
       SET optout = 'none'
      FROM lifted
     WHERE lifted.reason = 'opted_out' AND lifted.source <> 'sms' AND subscriber.id = lifted.subscriber_id AND subscriber.optout <> 'none'
)
SELECT id, subscriber_id, list_id, reason FROM lifted ORDER BY id;

-- find_suppressions
-- $1 account, $2 places, $3 channels, $4 hashes: each place under every secret
SELECT candidate.place, suppression.id, suppression.channel, suppression.list_id, suppression.reason, suppression.subscriber_id,
       suppression.marketing_only
  FROM unnest($2::bigint[], $3::text[], $4::bytea[]) AS candidate (place, channel, hash)
  JOIN suppression ON suppression.account_id = $1 AND suppression.channel = candidate.channel
                  AND suppression.hash = candidate.hash;

-- link_suppressions
-- To whoever has the address now, which may have been erased meanwhile. $1 ids, $2 subscribers, $3 addresses
UPDATE suppression
   SET subscriber_id = owned.subscriber_id, address = owned.address
  FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS owned (id, subscriber_id, address)
 WHERE suppression.id = owned.id;
