-- known_messages
-- What was found of those that the caller may use. $1 account, $2 messages, $3 the user whose messages alone are seen, or null
SELECT id, channel, message_class(content) AS class, coalesce((content ->> 'track_opens')::boolean, false) AS tracks_opens,
       coalesce((content ->> 'track_clicks')::boolean, false) AS tracks_clicks
  FROM message
 WHERE account_id = $1 AND id = ANY ($2::bigint[]) AND ($3::bigint IS NULL OR user_id = $3) AND NOT removed;

-- list_known
-- $1 account, $2 list
SELECT EXISTS (SELECT FROM list WHERE account_id = $1 AND id = $2);

-- read_splittest
-- A member sees those of which he created every message.
-- $1 account, $2 split test, $3 the user whose messages alone are seen, or null
SELECT id, user_id, name, message_ids, list_id, search_id, criterion, action, delay, segmenttype, segmentvalue, tie, rate, in_doubt,
       size, started, cancelled, completed, task_ids, recipients, shares, accepted, scores, winner_message_id, winner_task_id,
       extract(epoch FROM scheduledtime)::float8 AS scheduledtime, extract(epoch FROM cdate)::float8 AS cdate,
       extract(epoch FROM endtime)::float8 AS endtime, extract(epoch FROM measured_at)::float8 AS measured_at
  FROM splittest
 WHERE account_id = $1 AND id = $2
   AND ($3::bigint IS NULL OR NOT EXISTS (
           SELECT FROM message WHERE message.id = ANY (message_ids) AND message.user_id <> $3));

-- splittest_total
-- $1 account, $2 the user whose messages alone are seen, or null, $3 id, $4 cancelled, $5 completed, $6 whether a list is asked for,
-- $7 that list or null, $8 name; null: any
SELECT count(*)
  FROM splittest
 WHERE account_id = $1
   AND ($2::bigint IS NULL OR NOT EXISTS (
           SELECT FROM message WHERE message.id = ANY (message_ids) AND message.user_id <> $2))
   AND ($3::bigint IS NULL OR id = $3) AND ($4::boolean IS NULL OR cancelled = $4) AND ($5::boolean IS NULL OR completed = $5)
   AND (NOT $6::boolean OR list_id IS NOT DISTINCT FROM $7::bigint) AND ($8::text IS NULL OR name = $8);

-- splittest_page
-- The words in braces are put in once, when the statements are loaded: an order is part of a statement, not an argument.
-- $1 to $8 as above, $9 from the beginning, $10 key of the last row of the page before, $11 its id, $12 limit
SELECT id, user_id, name, message_ids, list_id, search_id, criterion, action, delay, segmenttype, segmentvalue, tie, rate, in_doubt,
       size, started, cancelled, completed, task_ids, recipients, shares, accepted, scores, winner_message_id, winner_task_id,
       extract(epoch FROM scheduledtime)::float8 AS scheduledtime, extract(epoch FROM cdate)::float8 AS cdate,
       extract(epoch FROM endtime)::float8 AS endtime, extract(epoch FROM measured_at)::float8 AS measured_at, {key} AS sort_key
  FROM splittest
 WHERE account_id = $1
   AND ($2::bigint IS NULL OR NOT EXISTS (
           SELECT FROM message WHERE message.id = ANY (message_ids) AND message.user_id <> $2))
   AND ($3::bigint IS NULL OR id = $3) AND ($4::boolean IS NULL OR cancelled = $4) AND ($5::boolean IS NULL OR completed = $5)
   AND (NOT $6::boolean OR list_id IS NOT DISTINCT FROM $7::bigint) AND ($8::text IS NULL OR name = $8)
   AND ($9::boolean OR ({key}, id) {beyond} ($10::{type}, $11::bigint))
 ORDER BY {key} {direction}, id {direction}
 LIMIT $12;
