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
CREATE TEMPORARY TABLE settled (
    line           bigint NOT NULL,
    subscriber_id  bigint,
    email          text,
    telephone      text,
    vars           jsonb,
    optout         text,
    state          text   NOT NULL
) ON COMMIT DROP;

-- open_lists
-- And which lists each is to be on.
CREATE TEMPORARY TABLE incoming_list (
    line     bigint  NOT NULL,
    list_id  bigint  NOT NULL,
    wanted   boolean NOT NULL
) ON COMMIT DROP;

-- go_by_index
-- A plan made while a table was small would read the whole of it for every row of a chunk, and be kept while it grows. Until the
-- transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true);

-- erased_since_posted
-- Addresses of people who were erased after the job was posted. $1 account, $2 job
SELECT hash
  FROM erased_address
 WHERE account_id = $1 AND erased_at >= (SELECT cdate FROM job WHERE id = $2);

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

-- settle_new
-- As settle, where nobody is known: nobody is looked up again.
INSERT INTO settled (line, subscriber_id, email, telephone, vars, optout, state)
SELECT line, CASE WHEN NOT suppressed THEN nextval('subscriber_id') END, email, telephone, vars, optout,
       CASE WHEN suppressed THEN 'skipped' ELSE 'new' END
  FROM incoming;

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

-- subscribe_new
-- As subscribe_all, where nobody was known: nobody can be on any list. $1 list, $2 source, $3 now
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, source)
SELECT $1, subscriber_id, true, to_timestamp($3), $2
  FROM settled
 WHERE state = 'new';

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

-- settle_page
-- Of a query: whom it finds among the people behind $2 and up to $3. The words in braces are put together by shared/audience,
-- without any value. $1 account, $4 vars, $5 opt-out or null
INSERT INTO settled (line, subscriber_id, email, telephone, vars, optout, state)
SELECT row_number() OVER (ORDER BY id), id, NULL, NULL, $4, $5, 'known'
  FROM (SELECT person.id
          FROM subscriber AS person {joins}
         WHERE person.account_id = $1 AND person.id > $2 AND person.id <= $3 AND {matches}
         ORDER BY person.id
           FOR NO KEY UPDATE OF person) AS found;

-- name_lists
-- The same lists for everybody who is settled. $1 lists, $2 whether to be on each
INSERT INTO incoming_list (line, list_id, wanted)
SELECT settled.line, named.list_id, named.wanted
  FROM settled
 CROSS JOIN unnest($1::bigint[], $2::boolean[]) AS named (list_id, wanted);

-- next_of_lists
-- Up to whom the next page goes, on whichever of the lists: from each list as many as the page has room for, each person once.
-- $1 lists, $2 behind this one, $3 people
SELECT max(next.subscriber_id) AS last, count(*) AS people
  FROM (SELECT DISTINCT on_list.subscriber_id
          FROM unnest($1::bigint[]) AS source (list_id)
         CROSS JOIN LATERAL (
               SELECT subscriber_id
                 FROM subscription
                WHERE subscription.list_id = source.list_id AND subscriber_id > $2
                ORDER BY subscriber_id
                LIMIT $3) AS on_list
         ORDER BY on_list.subscriber_id
         LIMIT $3) AS next;

-- next_of_account
-- As above, of everybody. $1 account, $2 behind this one, $3 people
SELECT max(next.id) AS last, count(*) AS people
  FROM (SELECT id FROM subscriber WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS next;

-- last_of_account
-- The newest, and 0 where there is nobody. $1 account
SELECT coalesce(max(id), 0) FROM subscriber WHERE account_id = $1;

-- unsubscribes_to_lift
-- Of whoever is to be on a list that he has left himself.
SELECT suppression.id
  FROM incoming_list
  JOIN settled ON settled.line = incoming_list.line AND settled.state = 'known'
  JOIN suppression ON suppression.subscriber_id = settled.subscriber_id AND suppression.list_id = incoming_list.list_id
                  AND suppression.reason = 'unsubscribed'
 WHERE incoming_list.wanted
 ORDER BY suppression.id;

-- optouts_to_lift
-- Of whoever is to be opted in, or out of less than he was. A STOP (source sms) is taken back by its sender alone.
SELECT suppression.id
  FROM settled
  JOIN suppression ON suppression.subscriber_id = settled.subscriber_id AND suppression.list_id IS NULL
                  AND suppression.reason = 'opted_out' AND suppression.source <> 'sms'
 WHERE settled.state = 'known'
   AND (settled.optout = 'none' OR (settled.optout IN ('basic', 'blast') AND NOT suppression.marketing_only))
 ORDER BY suppression.id;

-- opt_out
-- Answers those who are opted out by it.
WITH changed AS (
    UPDATE subscriber
       SET optout = settled.optout
      FROM settled
     WHERE subscriber.id = settled.subscriber_id AND settled.state IN ('new', 'known') AND settled.optout <> subscriber.optout
    RETURNING subscriber.id, subscriber.email, subscriber.telephone, subscriber.optout
)
SELECT id, email, telephone, optout FROM changed WHERE optout <> 'none' ORDER BY id;

-- subscribe_wanted
-- Also whoever was on the list once, from now on again. $1 source, $2 now
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at, source)
SELECT incoming_list.list_id, settled.subscriber_id, true, to_timestamp($2), $1
  FROM incoming_list
  JOIN settled ON settled.line = incoming_list.line AND settled.state IN ('new', 'known')
 WHERE incoming_list.wanted
 ORDER BY incoming_list.list_id, settled.subscriber_id
    ON CONFLICT (list_id, subscriber_id) DO UPDATE
   SET confirmed = true, ended_at = NULL, signup_at = CASE WHEN subscription.ended_at IS NULL THEN subscription.signup_at
                                                           ELSE excluded.signup_at
                                                       END
 WHERE subscription.ended_at IS NOT NULL OR NOT subscription.confirmed;

-- end_unwanted
-- Answers whose ended. $1 now
WITH ended AS (
    UPDATE subscription
       SET ended_at = to_timestamp($1)
      FROM incoming_list
      JOIN settled ON settled.line = incoming_list.line AND settled.state IN ('new', 'known')
     WHERE NOT incoming_list.wanted AND subscription.list_id = incoming_list.list_id
       AND subscription.subscriber_id = settled.subscriber_id AND subscription.ended_at IS NULL
    RETURNING subscription.subscriber_id
)
SELECT DISTINCT subscriber_id FROM ended ORDER BY subscriber_id;
