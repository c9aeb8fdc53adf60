-- go_by_index
-- A plan made while a table was small would read the whole of it for every address asked for, and be kept while it grows. Until
-- the transaction ends.
SELECT set_config('enable_seqscan', 'off', true);

-- hold_addresses
-- Until the commit nobody is given an address in these accounts: else a suppression of an address and the subscriber who gets it
-- at the same moment would not find each other. $1 accounts
SELECT pg_advisory_xact_lock(hashtextextended('addresses of account ' || account_id, 0))
  FROM (SELECT DISTINCT unnest($1::bigint[]) AS account_id ORDER BY account_id) AS concerned;

-- share_addresses
-- Those who give addresses to subscribers go side by side. $1 account
SELECT pg_advisory_xact_lock_shared(hashtextextended('addresses of account ' || $1::bigint, 0));

-- known_suppressions
-- Which of these are there, by their places. $1 places, $2 accounts, $3 channels, $4 hashes: a place under every secret,
-- $5 lists, $6 reasons
SELECT asked.place, suppression.id, suppression.marketing_only, suppression.subscriber_id, suppression.address IS NULL AS erased
  FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], $6::text[])
       AS asked (place, account_id, channel, hash, list_id, reason)
  JOIN suppression ON suppression.account_id = asked.account_id AND suppression.channel = asked.channel
                  AND suppression.hash = asked.hash AND coalesce(suppression.list_id, 0) = coalesce(asked.list_id, 0)
                  AND suppression.reason = asked.reason;

-- add_suppressions
-- In the order of the unique index, so that two who add the same wait for each other and never in a circle. Whose address it is:
-- who has it today, else whom the caller named. $1 accounts, $2 channels, $3 hashes, $4 addresses, $5 subscribers, $6 lists,
-- $7 reasons, $8 marketing only, $9 sources, $10 details, $11 tasks, $12 ordinals, $13 now
INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, list_id, reason, marketing_only, source, detail,
                         task_id, ordinal, cdate)
SELECT account_id, channel, hash, address,
       coalesce(CASE WHEN channel = 'email'
                     THEN (SELECT id FROM subscriber WHERE subscriber.account_id = added.account_id AND lower(email) = lower(address))
                     ELSE (SELECT id FROM subscriber WHERE subscriber.account_id = added.account_id AND telephone = address)
                 END, subscriber_id),
       list_id, reason, marketing_only, source, detail, task_id, ordinal, to_timestamp($13)
  FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::boolean[],
              $9::text[], $10::text[], $11::bigint[], $12::integer[])
       AS added (account_id, channel, hash, address, subscriber_id, list_id, reason, marketing_only, source, detail, task_id, ordinal)
 ORDER BY account_id, channel, hash, coalesce(list_id, 0), reason
    ON CONFLICT DO NOTHING
RETURNING id, account_id, channel, hash, list_id, reason, subscriber_id;

-- renew_suppressions
-- What is there stays as it was; but an opt-out of marketing may become one of everything, and whose address it is may be known
-- by now. $1 ids, $2 marketing only, $3 addresses, $4 subscribers
UPDATE suppression
   SET marketing_only = suppression.marketing_only AND told.marketing_only,
       address = coalesce(suppression.address, told.address),
       subscriber_id = coalesce(suppression.subscriber_id, told.subscriber_id)
  FROM unnest($1::bigint[], $2::boolean[], $3::text[], $4::bigint[]) AS told (id, marketing_only, address, subscriber_id)
 WHERE suppression.id = told.id
RETURNING suppression.id, suppression.subscriber_id;

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

-- any_suppressed
-- $1 account
SELECT EXISTS (SELECT FROM suppression WHERE account_id = $1);

-- find_suppressions
-- $1 account, $2 places, $3 channels, $4 hashes: each place under every secret
SELECT candidate.place, suppression.id, suppression.channel, suppression.list_id, suppression.reason, suppression.subscriber_id,
       suppression.marketing_only
  FROM unnest($2::bigint[], $3::text[], $4::bytea[]) AS candidate (place, channel, hash)
  JOIN suppression ON suppression.account_id = $1 AND suppression.channel = candidate.channel
                  AND suppression.hash = candidate.hash;

-- reasons_against
-- Why a message outside of lists must not go to these addresses, by the rules of hand-over (0006_suppression.sql) and in its words:
-- an opt-out of who has the address today, else the oldest suppression, whoever has it or nobody. $1 account, $2 channel, $3 class
-- of the message, $4 addresses, $5 places among them (from 1), $6 hashes: each place under every secret
WITH asked AS (
    SELECT place, address FROM unnest($4::text[]) WITH ORDINALITY AS each (address, place)
), opted_out AS (
    SELECT place
      FROM asked
      JOIN subscriber ON subscriber.account_id = $1 AND lower(subscriber.email) = lower(asked.address)
     WHERE $2::text = 'email' AND optout_forbids(subscriber.optout, $3::text)
     UNION ALL
    SELECT place
      FROM asked
      JOIN subscriber ON subscriber.account_id = $1 AND subscriber.telephone = asked.address
     WHERE $2::text = 'sms' AND optout_forbids(subscriber.optout, $3::text)
), told (place, reason, since) AS (
    SELECT place, 'opted out', '-infinity'::timestamptz
      FROM opted_out
     UNION ALL
    SELECT candidate.place, suppression_words(suppression.reason, suppression.cdate, suppression.detail), suppression.cdate
      FROM unnest($5::bigint[], $6::bytea[]) AS candidate (place, hash)
      JOIN suppression ON suppression.account_id = $1 AND suppression.channel = $2::text AND suppression.hash = candidate.hash
     WHERE suppression.list_id IS NULL AND (NOT suppression.marketing_only OR $3::text <> 'service')
)
SELECT DISTINCT ON (place) place, reason FROM told ORDER BY place, since;

-- link_suppressions
-- To whoever has the address now, which may have been erased meanwhile. $1 ids, $2 subscribers, $3 addresses
UPDATE suppression
   SET subscriber_id = owned.subscriber_id, address = owned.address
  FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS owned (id, subscriber_id, address)
 WHERE suppression.id = owned.id;
