-- lists_by_name
-- $1 account, $2 names
SELECT name, id FROM list WHERE account_id = $1 AND name = ANY ($2::text[]);

-- message_class
-- Null: there is no such message. $1 account, $2 message
SELECT message_class(content) FROM message WHERE account_id = $1 AND id = $2;

-- search_to_count
-- $1 account, $2 search
SELECT list_id, query FROM saved_search WHERE account_id = $1 AND id = $2 AND NOT removed;

-- count_people
-- Everybody whom a query finds, and how many of them a message of class $2 can be written to by mail and by SMS. What stands in
-- braces is put together of the pieces below, in which there are no values either. $1 account
SELECT count(*) AS matched,
       count(*) FILTER (WHERE {by_email}) AS email,
       count(*) FILTER (WHERE {by_sms}) AS sms
  FROM subscriber AS person {joins}
 WHERE person.account_id = $1 AND {matches};

-- count_mailable
-- $1 account
SELECT count(*) FROM subscriber AS person {joins} WHERE person.account_id = $1 AND {matches} AND {mailable};

-- within
-- Stands for {within_...} where people are asked page by page: says once more, of the rows beside them, whom the page is of, so that
-- they can be read in a row as well. Without pages nothing stands there.
AND {column} > {after} AND {column} <= {last};

-- with_engagement
-- Beside every person, if the query asks for it; nobody's row where he never did anything.
LEFT JOIN engagement AS seen
       ON seen.generation = (SELECT live_engagement()) AND seen.subscriber_id = person.id {within_seen};

-- equals
-- A var of this very value and type, or an array that holds it.
coalesce((person.vars -> {field}) @> ANY ({scalars}), false);

-- equals_one_of_many
-- The same, of so many values that the one is better found by its hash; which only equality knows, so arrays are asked by themselves.
coalesce(CASE jsonb_typeof(person.vars -> {field})
             WHEN 'array' THEN (person.vars -> {field}) @> ANY ({scalars})
             ELSE (person.vars -> {field}) = ANY ({scalars})
         END, false);

-- compares_number
-- {comparison}: an operator. Of JSON, so that no digit is lost.
coalesce(jsonb_typeof(person.vars -> {field}) = 'number' AND (person.vars -> {field}) {comparison} ANY ({scalars}), false);

-- compares_text
-- By code points, whatever the language of the database.
coalesce(jsonb_typeof(person.vars -> {field}) = 'string' AND (person.vars ->> {field}) COLLATE "C" {comparison} ANY ({scalars}), false);

-- has_var
person.vars ? {field};

-- in_domain
-- The database lowers both sides alike.
coalesce(lower(split_part(person.email, '@', -1)) = ANY (ARRAY (SELECT lower(domain) FROM unnest({domains}) AS domain)), false);

-- on_list
-- Confirmed and not ended, on a list of {of_lists}: a condition on the subscription.
EXISTS (SELECT
          FROM subscription
         WHERE subscription.subscriber_id = person.id AND {of_lists}
           AND subscription.confirmed AND subscription.ended_at IS NULL {within_subscription});

-- reached_by_any
-- Who may be found by several lists: confirmed and not ended, on a list of {of_lists}, and not suppressed for that one. By
-- {address}, {channel} and {class} as in mailable.
EXISTS (SELECT
          FROM subscription
         WHERE subscription.subscriber_id = person.id AND subscription.confirmed AND subscription.ended_at IS NULL AND {of_lists}
           {within_subscription}
           AND NOT EXISTS (SELECT
                             FROM suppression
                            WHERE suppression.subscriber_id = person.id AND suppression.list_id = subscription.list_id
                              AND suppresses(suppression, {channel}, {address}, subscription.list_id, {class})
                              {within_suppression}));

-- signed_up_before
-- As on_list; so the first of the signups was before.
EXISTS (SELECT
          FROM subscription
         WHERE subscription.subscriber_id = person.id AND {of_lists}
           AND subscription.confirmed AND subscription.ended_at IS NULL AND subscription.signup_at < {moment}
           {within_subscription});

-- known_before
person.cdate < {moment};

-- opted_out
person.optout = ANY ({states});

-- suppressed_for
-- The address he has now: the email; the telephone of whoever has no email. Written as equalities, so that many are answered at once.
EXISTS (SELECT
          FROM suppression
         WHERE suppression.subscriber_id = person.id AND suppression.reason = {reason} AND suppression.list_id IS NULL
           AND suppression.channel = CASE WHEN person.email IS NULL THEN 'sms' ELSE 'email' END
           AND lower(suppression.address) = lower(coalesce(person.email, person.telephone)) {within_suppression});

-- valid
(person.optout = 'none' AND NOT {hard_bounced});

-- soft_bounced
-- Suppressed for it; or there was one in the last 30 days, and neither open nor click after it.
({suppressed} OR coalesce(seen.last_soft_bounce >= {now} - interval '30 days'
                          AND seen.last_soft_bounce > coalesce(greatest(seen.last_open, seen.last_click), '-infinity'), false));

-- engagement_level
-- 0 hard bounce or opt-out; 6 engaged: clicked in the last 30 days; 5 active: opened in them; 4 passive: opened or clicked in the
-- last 90; 3 new: known for 30 days at most; 2 disengaged: opened or clicked in the last 365; 1 dormant. The first that holds.
CASE WHEN NOT {valid} THEN 0
     WHEN seen.last_click >= {now} - interval '30 days' THEN 6
     WHEN seen.last_open >= {now} - interval '30 days' THEN 5
     WHEN greatest(seen.last_open, seen.last_click) >= {now} - interval '90 days' THEN 4
     WHEN person.cdate >= {now} - interval '30 days' THEN 3
     WHEN greatest(seen.last_open, seen.last_click) >= {now} - interval '365 days' THEN 2
     ELSE 1
END;

-- seen_since
-- {last}: a column of engagement.
coalesce(seen.{last} >= {moment}, false);

-- seen_ever
seen.{last} IS NOT NULL;

-- opens_since
coalesce((SELECT sum(opens)
            FROM daily_open
           WHERE generation = (SELECT live_engagement()) AND subscriber_id = person.id AND day >= {day}), 0) {comparison} {count};

-- opens_ever
coalesce(seen.opens, 0) {comparison} {count};

-- mailable
-- The rules of 0006_suppression.sql for whoever was found: by {address}, a column of the person, and {channel}; {class} of the
-- message; {list}: the only list by which he is reached, or null. And {reached}: by one of several lists, or by any.
({address} IS NOT NULL AND NOT optout_forbids(person.optout, {class}) AND {reached}
 AND NOT EXISTS (SELECT
                   FROM suppression
                  WHERE suppression.subscriber_id = person.id AND suppresses(suppression, {channel}, {address}, {list}, {class})
                    {within_suppression}));
