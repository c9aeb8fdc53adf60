-- snapshot
-- Everybody whom a query finds, counted in one pass: one row for all of them, and one for each opt-out state, engagement, domain and
-- month of signup. Of the domains the largest. What stands in braces is put together by shared/audience and of the pieces below.
-- $1 account, $2 domains at most
WITH found AS (
    SELECT person.optout, lower(split_part(person.email, '@', -1)) AS domain, {engagement} AS engagement, {hard_bounced} AS hard,
           {soft_bounced} AS soft, seen.opens, seen.clicks, to_char({signup} AT TIME ZONE 'UTC', 'YYYY-MM') AS signup
      FROM subscriber AS person {seen} {signed_up}
     WHERE person.account_id = $1 AND {matches} {among}
), counted AS (
    SELECT CASE WHEN grouping(optout) = 0 THEN 'optout'
                WHEN grouping(engagement) = 0 THEN 'engagement'
                WHEN grouping(domain) = 0 THEN 'domain'
                WHEN grouping(signup) = 0 THEN 'signup'
                ELSE 'all'
            END AS what,
           coalesce(optout, domain, signup, engagement::text) AS which, count(*) AS people,
           count(*) FILTER (WHERE optout = 'none' AND NOT hard) AS valid, count(*) FILTER (WHERE hard) AS hard,
           count(*) FILTER (WHERE soft) AS soft, count(*) FILTER (WHERE opens > 0) AS openers,
           count(*) FILTER (WHERE clicks > 0) AS clickers, coalesce(sum(opens), 0)::bigint AS opens,
           coalesce(sum(clicks), 0)::bigint AS clicks
      FROM found
     GROUP BY GROUPING SETS ((), (optout), (engagement), (domain), (signup))
)
SELECT *
  FROM (SELECT counted.*, row_number() OVER (PARTITION BY what ORDER BY people DESC, which) AS rank FROM counted) AS ranked
 WHERE what <> 'domain' OR (rank <= $2)
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
