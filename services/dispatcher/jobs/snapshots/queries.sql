-- hash_rather_than_sort
-- How many different rows there will be is not for the planner to know, and it expects as many as there are people; and of few
-- suppressions one for each person in turn. Until the transaction ends.
SELECT set_config('enable_sort', 'off', true), set_config('enable_nestloop', 'off', true);

-- snapshot
-- Everybody whom a query finds, counted in one pass: first how many are alike in everything that is told, and of these few rows one
-- for all people, and one for each opt-out state, engagement, domain and month of signup. Of the domains the largest. Whether an
-- address is suppressed is looked up for those alone who have a suppression. What stands in braces is put together by
-- shared/audience and of the pieces below. $1 account, $2 domains at most
WITH held AS MATERIALIZED (
    SELECT person.id, {hard_bounced} AS hard, {soft_suppressed} AS soft
      FROM subscriber AS person
     WHERE person.account_id = $1 AND person.id IN (SELECT suppression.subscriber_id
                                                      FROM suppression
                                                     WHERE suppression.account_id = $1 AND suppression.list_id IS NULL
                                                       AND suppression.reason IN ('hard_bounce', 'soft_bounces'))
), alike AS MATERIALIZED (
    SELECT person.optout, lower(split_part(person.email, '@', -1)) AS domain, {engagement} AS engagement,
           coalesce(held.hard, false) AS hard, {soft_bounced} AS soft, seen.opens > 0 AS opened, seen.clicks > 0 AS clicked,
           date_trunc('month', {signup} AT TIME ZONE 'UTC') AS signup, count(*) AS people, sum(seen.opens) AS opens,
           sum(seen.clicks) AS clicks
      FROM subscriber AS person {seen} {signed_up}
      LEFT JOIN held ON held.id = person.id
     WHERE person.account_id = $1 AND {matches} {among}
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), counted AS (
    SELECT CASE WHEN grouping(optout) = 0 THEN 'optout'
                WHEN grouping(engagement) = 0 THEN 'engagement'
                WHEN grouping(domain) = 0 THEN 'domain'
                WHEN grouping(signup) = 0 THEN 'signup'
                ELSE 'all'
            END AS what,
           coalesce(optout, domain, to_char(signup, 'YYYY-MM'), engagement::text) AS which, coalesce(sum(people), 0)::bigint AS people,
           coalesce(sum(people) FILTER (WHERE optout = 'none' AND NOT hard), 0)::bigint AS valid,
           coalesce(sum(people) FILTER (WHERE hard), 0)::bigint AS hard, coalesce(sum(people) FILTER (WHERE soft), 0)::bigint AS soft,
           coalesce(sum(people) FILTER (WHERE opened), 0)::bigint AS openers,
           coalesce(sum(people) FILTER (WHERE clicked), 0)::bigint AS clickers, coalesce(sum(opens), 0)::bigint AS opens,
           coalesce(sum(clicks), 0)::bigint AS clicks
      FROM alike
     GROUP BY GROUPING SETS ((), (optout), (engagement), (domain), (signup))
)
SELECT *
  FROM (SELECT counted.*, row_number() OVER (PARTITION BY what ORDER BY people DESC, which) AS rank FROM counted) AS ranked
 WHERE what <> 'domain' OR rank <= $2
 ORDER BY what, rank;

-- signed_up
-- When each signed up first on one of {lists}.
LEFT JOIN (SELECT subscriber_id, min(signup_at) AS signup_at
             FROM subscription
            WHERE list_id = ANY ({lists}) AND confirmed AND ended_at IS NULL
            GROUP BY subscriber_id) AS signed ON signed.subscriber_id = person.id;

-- among_recipients
AND EXISTS (SELECT
              FROM contact_record
             WHERE contact_record.subscriber_id = person.id AND contact_record.task_id = ANY ({tasks}));
