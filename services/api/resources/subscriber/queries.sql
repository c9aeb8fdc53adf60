-- list_known
-- $1 account, $2 list
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $2);

-- hold_list
-- Until the commit it is not removed; no row: it is gone by now. $1 account, $2 list
SELECT id FROM list WHERE account_id = $1 AND id = $2 FOR KEY SHARE;

-- named_subscribers
-- Everybody whom one of the keys names, with where he stands on the list. Locked in the order of ids, and not against the
-- foreign keys of subscriptions, so that two batches wait for each other and never in a circle.
-- $1 account, $2 list, $3 emails in lower case, $4 telephones, $5 external ids
SELECT subscriber.id, email, telephone, external_id,
       optout <> 'none' OR subscription.ended_at IS NOT NULL AS held
  FROM subscriber
  LEFT JOIN subscription ON subscription.subscriber_id = subscriber.id AND subscription.list_id = $2
 WHERE account_id = $1
   AND (lower(email) = ANY ($3::text[]) OR telephone = ANY ($4::text[]) OR external_id = ANY ($5::text[]))
 ORDER BY subscriber.id
   FOR NO KEY UPDATE OF subscriber;

-- change_subscribers
-- Before new ones are added: one of them may have an address that is given up here.
-- $1 ids, $2 emails, $3 telephones, $4 external ids, $5 vars
UPDATE subscriber
   SET email = changed.email, telephone = changed.telephone, external_id = changed.external_id, vars = subscriber.vars || changed.vars
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) AS changed (id, email, telephone, external_id, vars)
 WHERE subscriber.id = changed.id;

-- add_subscribers
-- $1 ids, $2 emails, $3 telephones, $4 external ids, $5 vars, $6 account, $7 now
INSERT INTO subscriber (id, account_id, email, telephone, external_id, vars, cdate)
SELECT added.id, $6, added.email, added.telephone, added.external_id, added.vars, to_timestamp($7)
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) AS added (id, email, telephone, external_id, vars)
 ORDER BY lower(added.email), added.telephone;

-- subscribe
-- A subscription that has ended stays so, whatever has happened since it was looked up; confirmed once is confirmed.
-- $1 list, $2 subscribers, $3 confirmed, $4 sources, $5 consents, $6 now
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, source, consent)
SELECT $1, signed.subscriber_id, signed.confirmed, to_timestamp($6), signed.source, signed.consent
  FROM unnest($2::bigint[], $3::boolean[], $4::text[], $5::jsonb[]) AS signed (subscriber_id, confirmed, source, consent)
 ORDER BY signed.subscriber_id
    ON CONFLICT (list_id, subscriber_id) DO UPDATE
   SET confirmed = subscription.confirmed OR excluded.confirmed,
       source = coalesce(excluded.source, subscription.source),
       consent = coalesce(excluded.consent, subscription.consent)
 WHERE subscription.ended_at IS NULL;

-- read_subscription
-- $1 account, $2 list, $3 subscriber
SELECT subscriber.id, email, telephone, external_id, vars, optout, extract(epoch FROM cdate)::float8 AS cdate,
       list_id, confirmed, extract(epoch FROM signup_at)::float8 AS signup, extract(epoch FROM ended_at)::float8 AS ended,
       source, consent
  FROM subscription
  JOIN subscriber ON subscriber.id = subscription.subscriber_id
 WHERE subscriber.account_id = $1 AND list_id = $2 AND subscriber_id = $3;

-- subscription_page
-- Those that have not ended. $1 account, $2 list, $3 last subscriber of the page before, $4 limit
SELECT subscriber.id, email, telephone, external_id, vars, optout, extract(epoch FROM cdate)::float8 AS cdate,
       list_id, confirmed, extract(epoch FROM signup_at)::float8 AS signup, extract(epoch FROM ended_at)::float8 AS ended,
       source, consent
  FROM subscription
  JOIN subscriber ON subscriber.id = subscription.subscriber_id
 WHERE subscriber.account_id = $1 AND list_id = $2 AND subscriber_id > $3 AND ended_at IS NULL
 ORDER BY subscriber_id
 LIMIT $4;

-- subscription_total
-- $1 list
SELECT count(*) FROM subscription WHERE list_id = $1 AND ended_at IS NULL;

-- find_subscribers
-- $1 account, $2 email or null, $3 telephone or null
SELECT id, email, telephone, external_id, vars, optout, extract(epoch FROM cdate)::float8 AS cdate
  FROM subscriber
 WHERE account_id = $1 AND (lower(email) = lower($2::text) OR telephone = $3::text)
 ORDER BY id;

-- read_subscriber
-- $1 account, $2 subscriber
SELECT id, email, telephone, external_id, vars, optout, extract(epoch FROM cdate)::float8 AS cdate
  FROM subscriber
 WHERE account_id = $1 AND id = $2;

-- standing
-- What a change starts from, locked as by named_subscribers. $1 account, $2 subscriber, $3 list or null
SELECT subscriber.id, email, telephone, external_id, vars, optout, subscription.subscriber_id IS NOT NULL AS on_list,
       subscription.ended_at IS NOT NULL AS ended, confirmed
  FROM subscriber
  LEFT JOIN subscription ON subscription.subscriber_id = subscriber.id AND subscription.list_id = $3::bigint
 WHERE account_id = $1 AND subscriber.id = $2
   FOR NO KEY UPDATE OF subscriber;

-- others_with
-- Who has one of these already. $1 account, $2 subscriber, $3 email in lower case or null, $4 telephone or null, $5 external id or null
SELECT id, CASE WHEN lower(email) = $3::text THEN 'email' WHEN telephone = $4::text THEN 'telephone' ELSE 'external_id' END AS field
  FROM subscriber
 WHERE account_id = $1 AND id <> $2
   AND (lower(email) = $3::text OR telephone = $4::text OR external_id = $5::text)
 ORDER BY id;

-- said_by
-- What a person once wished, as it is lifted: that of a list, and what is said on all lists. A STOP by SMS goes with everything
-- alone. $1 account, $2 subscriber, $3 list whose reasons are lifted or null, $4 opt-outs too, $5 those by SMS as well
SELECT id
  FROM suppression
 WHERE account_id = $1 AND subscriber_id = $2
   AND (list_id = $3::bigint OR ($4::boolean AND list_id IS NULL AND reason = 'opted_out' AND ($5::boolean OR source <> 'sms')))
 ORDER BY id;

-- write_standing
-- $1 subscriber, $2 email, $3 telephone, $4 external id, $5 vars, $6 opt-out
UPDATE subscriber
   SET email = $2, telephone = $3, external_id = $4, vars = $5, optout = $6
 WHERE id = $1;

-- write_subscription
-- $1 list, $2 subscriber, $3 confirmed, $4 whether it lasts again
UPDATE subscription
   SET confirmed = $3, ended_at = CASE WHEN $4 THEN NULL ELSE ended_at END
 WHERE list_id = $1 AND subscriber_id = $2;

-- tell_origin
-- $1 list, $2 subscriber, $3 source or null, $4 consent or null; null: as it is
UPDATE subscription
   SET source = coalesce($3, source), consent = coalesce($4::jsonb, consent)
 WHERE list_id = $1 AND subscriber_id = $2;

-- note_vanished
-- Whoever was counted for a task that is yet to be frozen, and will not be found by it. Before the rows change.
-- $1 subscriber, $2 channels, $3 reason
INSERT INTO vanished_subscription (list_id, subscriber_id, channel, class, reason, signup_at, left_at, vanished_at)
SELECT subscription.list_id, subscriber.id, way.channel, said.class, $3, subscription.signup_at,
       least(subscription.ended_at,
             CASE WHEN optout_forbids(subscriber.optout, said.class) THEN coalesce(subscriber.optout_at, '-infinity') END,
             (SELECT min(cdate)
                FROM suppression
               WHERE suppression.subscriber_id = subscriber.id
                 AND suppresses(suppression, way.channel, way.address, subscription.list_id, said.class))),
       clock_timestamp()
  FROM subscriber
  JOIN subscription ON subscription.subscriber_id = subscriber.id AND subscription.confirmed
 CROSS JOIN LATERAL (VALUES ('email', subscriber.email), ('sms', subscriber.telephone)) AS way (channel, address)
 CROSS JOIN (VALUES ('marketing'), ('service')) AS said (class)
 WHERE subscriber.id = $1 AND way.channel = ANY ($2::text[]) AND way.address IS NOT NULL
   AND EXISTS (SELECT
                 FROM task
                WHERE task.list_id = subscription.list_id AND NOT completed AND NOT cancelled AND recipients IS NULL)
    ON CONFLICT (list_id, channel, class, subscriber_id) DO UPDATE
   SET reason = excluded.reason, left_at = excluded.left_at, vanished_at = excluded.vanished_at;

-- tasks_that_reached
-- The tasks he is a recipient of, and which. $1 account, $2 subscriber, $3 the user whose messages alone are seen, or null
SELECT id, ordinal
  FROM (SELECT task.id, ordinal_of_subscriber(task.id, $2) AS ordinal
          FROM task
          JOIN message ON message.id = task.message_id
         WHERE task.account_id = $1 AND task.recipients > 0 AND ($3::bigint IS NULL OR message.user_id = $3)) AS sent
 WHERE ordinal IS NOT NULL
 ORDER BY id;
