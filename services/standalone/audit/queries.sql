-- only_read
-- The first statement of each transaction: all of it sees one moment, and it holds no tail up, for it has no transaction id.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- tasks_after
-- $1 after this id, $2 limit
SELECT id FROM task WHERE id > $1 ORDER BY id LIMIT $2;

-- task_row
-- $1 task
SELECT task.id, task.account_id, task.channel, task.version, task.started, task.cancelled, task.completed, task.recipients,
       task.rate, task.campaign_id, extract(epoch FROM task.endtime)::float8 AS endtime,
       extract(epoch FROM task.scheduledtime)::float8 AS scheduledtime, coalesce(sending.frozen, false) AS frozen,
       sending.redecided
  FROM task
  LEFT JOIN sending ON sending.task_id = task.id
 WHERE task.id = $1;

-- audience_of_task
-- An erased subscriber has no row any more, and so no account. $1 task, $2 account
SELECT count(*) AS count, min(ordinal) AS lowest, max(ordinal) AS highest, count(DISTINCT contact_record.subscriber_id) AS people,
       count(*) FILTER (WHERE subscriber.account_id <> $2) AS foreign_people,
       count(*) FILTER (WHERE erasure.finished_at IS NOT NULL AND address <> '') AS named_erased
  FROM contact_record
  LEFT JOIN subscriber ON subscriber.id = contact_record.subscriber_id
  LEFT JOIN erasure ON erasure.subscriber_id = contact_record.subscriber_id
 WHERE task_id = $1;

-- open_batches
-- $1 task, $2 after this number, $3 limit
SELECT number, ordinals, size FROM batch WHERE task_id = $1 AND NOT done AND number > $2 ORDER BY number LIMIT $3;

-- reached_of_shard
-- How far its log is counted, by which rules, and how far it is cut into callbacks; nulls where nobody does. $1 shard
SELECT generation, rules, projection.store_epoch, projection.xid::text::bigint AS xid, projection.position,
       callback_reached.store_epoch AS cut_store_epoch, callback_reached.xid::text::bigint AS cut_xid,
       callback_reached.position AS cut_position
  FROM (SELECT $1::smallint AS shard) AS asked
  LEFT JOIN projection ON projection.shard = asked.shard AND live
  LEFT JOIN callback_reached ON callback_reached.shard = asked.shard;

-- segments_of_task
-- A page, in the order of batches and of the holds on them. $1 task, $2 $3 $4 batch, epoch and part of the last one, $5 limit
SELECT shard, batch, epoch, part, store_epoch, xid::text::bigint AS xid, position, kind, hits,
       extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM segment
 WHERE task_id = $1 AND (batch, epoch, part) > ($2, $3, $4)
 ORDER BY batch, epoch, part
 LIMIT $5;

-- sets_of_task
-- $1 task, $2 generation, $3 $4 $5 kind, link and chunk of the last one, $6 limit
SELECT kind, link, chunk, bits, cardinality
  FROM ordinal_set
 WHERE task_id = $1 AND generation = $2 AND (kind, link, chunk) > ($3, $4, $5)
 ORDER BY kind, link, chunk
 LIMIT $6;

-- minutes_of_task
-- $1 task, $2 generation
SELECT kind, link, minute, hits FROM hit_series WHERE task_id = $1 AND generation = $2;

-- charges_of_task
-- $1 task
SELECT units, bits, cardinality FROM charge WHERE task_id = $1;

-- metered_accounts
-- Since when each account has been metered without a break; one that was not metered for a while is not among them.
SELECT account_id, extract(epoch FROM min(recorded_at))::float8 AS since
  FROM event
 WHERE type = 'ledger.terms_set'
 GROUP BY account_id
HAVING bool_and(coalesce(data ->> 'credit', data ->> 'quota', data ->> 'overage') IS NOT NULL);

-- line_of_campaign
-- always: no event says that it wants no callbacks. $1 campaign
SELECT event_callback IS NOT NULL AND NOT EXISTS (
           SELECT
             FROM event
            WHERE stream = 'campaign-' || campaign.id AND type IN ('campaign.created', 'campaign.callback_changed')
              AND data ->> 'event_callback' IS NULL) AS always,
       event_callback IS NOT NULL AND coalesce(callback_line.state = 'open' AND failures = 0, false) AS line_open,
       extract(epoch FROM clock_timestamp())::float8 AS now
  FROM campaign
  LEFT JOIN callback_line ON callback_line.campaign_id = campaign.id
 WHERE campaign.id = $1;

-- windows_of_task
-- $1 task, $2 after this number, $3 limit
SELECT number, kind, extract(epoch FROM opened_at)::float8 AS opened_at, first_ms / 1000.0::float8 AS first_at, ordinals, people,
       state, attempts
  FROM callback_window
 WHERE task_id = $1 AND number > $2
 ORDER BY number
 LIMIT $3;

-- windows_after
-- $1 after this task, $2 after this number, $3 limit
SELECT task_id, number, campaign_id, state
  FROM callback_window
 WHERE (task_id, number) > ($1, $2)
 ORDER BY task_id, number
 LIMIT $3;
