-- list_known
-- $1 account, $2 list
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $2);

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
