-- lists
-- The words in braces are put in once, when the statements are loaded. The page is cut before anything is counted.
-- deletable: no task to it is under way. $1 account, $2 id or null, $3 name or null, $4 from the beginning, $5 key of the first row,
-- $6 its id, $7 limit
SELECT page.id, page.name, extract(epoch FROM page.cdate)::float8 AS cdate, extract(epoch FROM page.mdate)::float8 AS mdate,
       (SELECT count(*) FROM subscription WHERE list_id = page.id AND ended_at IS NULL) AS subscription_count,
       NOT EXISTS (SELECT FROM task WHERE list_id = page.id AND NOT completed AND NOT cancelled) AS deletable
  FROM (SELECT id, name, cdate, mdate, {key} AS sort_key
          FROM list
         WHERE account_id = $1 AND ($2::bigint IS NULL OR id = $2) AND ($3::text IS NULL OR name = $3)
           AND ($4::boolean OR ({key}, id) {from} ($5::{type}, $6::bigint))
         ORDER BY {key} {direction}, id {direction}
         LIMIT $7) AS page
 ORDER BY page.sort_key {direction}, page.id {direction};

-- subscribers
-- suspended: no mail goes to the address, whatever the list. $1 account, $2 id or null, $3 email or null, $4 telephone or null,
-- $5 from the beginning, $6 key of the first row, $7 its id, $8 limit
SELECT id, email, telephone, vars, extract(epoch FROM cdate)::float8 AS cdate,
       EXISTS (SELECT
                 FROM suppression
                WHERE suppression.subscriber_id = subscriber.id AND channel = 'email' AND list_id IS NULL
                  AND lower(address) = lower(email)) AS suspended
  FROM subscriber
 WHERE account_id = $1 AND ($2::bigint IS NULL OR id = $2) AND ($3::text IS NULL OR lower(email) = lower($3))
   AND ($4::text IS NULL OR telephone = $4)
   AND ($5::boolean OR ({key}, id) {from} ($6::{type}, $7::bigint))
 ORDER BY {key} {direction}, id {direction}
 LIMIT $8;

-- subscriptions
-- Those that have not ended. Their ids are ordered as (list, subscriber) is, so the two are compared.
-- $1 account, $2 list or null, $3 subscriber or null, $4 confirmed or null, $5 first list, $6 first subscriber, $7 limit
SELECT subscription.list_id, subscription.subscriber_id, confirmed, source, extract(epoch FROM signup_at)::float8 AS cdate
  FROM subscription
  JOIN list ON list.id = subscription.list_id
 WHERE list.account_id = $1 AND ended_at IS NULL
   AND ($2::bigint IS NULL OR subscription.list_id = $2) AND ($3::bigint IS NULL OR subscription.subscriber_id = $3)
   AND ($4::boolean IS NULL OR confirmed = $4)
   AND (subscription.list_id, subscription.subscriber_id) {from} ($5::bigint, $6::bigint)
 ORDER BY subscription.list_id {direction}, subscription.subscriber_id {direction}
 LIMIT $7;

-- messages
-- used: whether a task sends it. $1 account, $2 the user whose messages alone are seen, or null, $3 id or null, $4 channel or
-- null, $5 name or null, $6 from the beginning, $7 key of the first row, $8 its id, $9 limit
SELECT id, channel, name, version, content, user_id, extract(epoch FROM cdate)::float8 AS cdate,
       EXISTS (SELECT FROM task WHERE task.message_id = message.id) AS used
  FROM message
 WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND ($3::bigint IS NULL OR id = $3)
   AND ($4::text IS NULL OR channel = $4) AND ($5::text IS NULL OR name = $5) AND NOT removed
   AND ($6::boolean OR ({key}, id) {from} ($7::{type}, $8::bigint))
 ORDER BY {key} {direction}, id {direction}
 LIMIT $9;

-- searches
-- $1 account, $2 id or null, $3 name or null, $4 from the beginning, $5 key of the first row, $6 its id, $7 limit
SELECT id, name, query
  FROM saved_search
 WHERE account_id = $1 AND NOT removed AND ($2::bigint IS NULL OR id = $2) AND ($3::text IS NULL OR name = $3)
   AND ($4::boolean OR ({key}, id) {from} ($5::{type}, $6::bigint))
 ORDER BY {key} {direction}, id {direction}
 LIMIT $7;

-- ordinal_of
-- $1 task, $2 subscriber
SELECT ordinal_of_subscriber($1, $2);
