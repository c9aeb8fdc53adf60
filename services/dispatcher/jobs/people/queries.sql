-- open_staging
-- Of this transaction alone. incoming: what a chunk says, one row a person. settled: who that is. suppressed: nothing may be done for
-- him, if he is not known. No values here: a statement that makes tables takes none.
CREATE TEMPORARY TABLE incoming (
    line        bigint  NOT NULL,
    email       text,
    telephone   text,
    vars        jsonb,
    optout      text,
    suppressed  boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE incoming_list (
    line     bigint  NOT NULL,
    list_id  bigint  NOT NULL,
    wanted   boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE settled (
    line           bigint NOT NULL,
    subscriber_id  bigint,
    email          text,
    telephone      text,
    vars           jsonb,
    optout         text,
    state          text   NOT NULL
) ON COMMIT DROP;

-- go_by_index
-- A plan made while a table was small would read the whole of it for every row of a chunk, and be kept while it grows. Until the
-- transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true);

-- lock_known
-- Everybody whom a line names, in the order of ids, and not against the foreign keys of subscriptions: so that two chunks wait for
-- each other and never in a circle. $1 account
SELECT count(*)
  FROM (SELECT subscriber.id
          FROM subscriber
         WHERE subscriber.id IN (
                   SELECT found.id
                     FROM incoming JOIN subscriber AS found ON found.account_id = $1 AND lower(found.email) = lower(incoming.email)
                    UNION
                   SELECT found.id
                     FROM incoming JOIN subscriber AS found ON found.account_id = $1 AND found.telephone = incoming.telephone)
         ORDER BY subscriber.id
           FOR NO KEY UPDATE) AS locked;

-- settle
-- Who each line is about. state: new, known, held (is known, and what he has said is not lifted), skipped (is not known and
-- suppressed), others (its email is one person's and its telephone another's), again (an earlier line is about the same person).
-- $1 account, $2 list whose ended subscriptions are held (null: nothing is)
INSERT INTO settled (line, subscriber_id, email, telephone, vars, optout, state)
SELECT line, coalesce(id, CASE WHEN state = 'new' THEN nextval('subscriber_id') END), email, telephone, vars, optout, state
  FROM (SELECT named.line, named.id, named.email, named.telephone, named.vars, named.optout,
               CASE WHEN named.others THEN 'others'
                    WHEN named.id IS NULL AND named.suppressed THEN 'skipped'
                    WHEN named.id IS NULL THEN 'new'
                    WHEN row_number() OVER (PARTITION BY named.id ORDER BY named.line) > 1 THEN 'again'
                    WHEN $2::bigint IS NULL THEN 'known'
                    WHEN named.suppressed OR named.opted_out OR subscription.ended_at IS NOT NULL THEN 'held'
                    ELSE 'known'
                END AS state
          FROM (SELECT incoming.*, coalesce(of_email.id, of_telephone.id) AS id, of_email.id <> of_telephone.id AS others,
                       coalesce(of_email.optout, of_telephone.optout) <> 'none' AS opted_out
                  FROM incoming
                  LEFT JOIN subscriber AS of_email ON of_email.account_id = $1 AND lower(of_email.email) = lower(incoming.email)
                  LEFT JOIN subscriber AS of_telephone
                         ON of_telephone.account_id = $1 AND of_telephone.telephone = incoming.telephone) AS named
          LEFT JOIN subscription ON subscription.list_id = $2::bigint AND subscription.subscriber_id = named.id) AS judged;

-- change_known
-- Before new ones are added: one of them may have an address that is given up here. What is said already is not written again.
UPDATE subscriber
   SET email = CASE WHEN lower(subscriber.email) = lower(settled.email) THEN subscriber.email
                    ELSE coalesce(settled.email, subscriber.email)
                END,
       telephone = coalesce(settled.telephone, subscriber.telephone),
       vars = subscriber.vars || coalesce(settled.vars, '{}')
  FROM settled
 WHERE subscriber.id = settled.subscriber_id AND settled.state = 'known'
   AND (lower(settled.email) <> lower(subscriber.email) OR settled.telephone <> subscriber.telephone
        OR (settled.email IS NOT NULL AND subscriber.email IS NULL)
        OR (settled.telephone IS NOT NULL AND subscriber.telephone IS NULL)
        OR subscriber.vars || coalesce(settled.vars, '{}') <> subscriber.vars);

-- add_new
-- $1 account, $2 now
INSERT INTO subscriber (id, account_id, email, telephone, vars, cdate)
SELECT subscriber_id, $1, email, telephone, coalesce(vars, '{}'), to_timestamp($2)
  FROM settled
 WHERE state = 'new'
 ORDER BY lower(email), telephone;

-- subscribe_all
-- A subscription that has ended stays so, whatever has happened since it was looked up. $1 list, $2 source, $3 now
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, source)
SELECT $1, subscriber_id, true, to_timestamp($3), $2
  FROM settled
 WHERE state IN ('new', 'known')
 ORDER BY subscriber_id
    ON CONFLICT (list_id, subscriber_id) DO UPDATE
   SET confirmed = true
 WHERE subscription.ended_at IS NULL AND NOT subscription.confirmed;

-- what_happened
SELECT coalesce(array_agg(subscriber_id ORDER BY subscriber_id) FILTER (WHERE state = 'new'), '{}') AS created,
       coalesce(array_agg(subscriber_id ORDER BY subscriber_id) FILTER (WHERE state = 'known'), '{}') AS updated,
       count(*) FILTER (WHERE state IN ('held', 'skipped')) AS skipped,
       coalesce(array_agg(line ORDER BY line) FILTER (WHERE state = 'others'), '{}') AS others,
       coalesce(array_agg(line ORDER BY line) FILTER (WHERE state = 'again'), '{}') AS again
  FROM settled;

-- owners
-- Who has what was said on these lines. $1 lines
SELECT line, subscriber_id FROM settled WHERE line = ANY ($1::bigint[]) AND state IN ('new', 'known');
