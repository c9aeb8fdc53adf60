-- callback_reached
-- $1 shards
SELECT shard, store_epoch, xid::text::bigint AS xid, position, extract(epoch FROM told_until)::float8 AS told_until
  FROM callback_reached
 WHERE shard = ANY ($1::smallint[]);

-- database_time
-- By which windows end: it also wrote down when segments were recorded.
SELECT extract(epoch FROM clock_timestamp())::float8 AS seconds;

-- tasks_called_back
-- Of these, the tasks of campaigns that want to be called. $1 tasks
SELECT task.id AS task_id, task.channel, campaign.id AS campaign_id, campaign.account_id
  FROM task
  JOIN campaign ON campaign.id = task.campaign_id
 WHERE task.id = ANY ($1::bigint[]) AND campaign.event_callback IS NOT NULL;

-- advance_callbacks
-- The fence, and the first statement that writes: who does not stand where he read from cuts nothing.
-- $1 shards, $2 to $4 store epochs, xids and positions read from, $5 to $7 reached, $8 where the last window told ends (unix)
UPDATE callback_reached
   SET store_epoch = reached.store_epoch, xid = reached.xid::xid8, position = reached.position, told_until = to_timestamp(reached.told_until)
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::bigint[], $8::float8[])
       AS reached (shard, from_store_epoch, from_xid, from_position, store_epoch, xid, position, told_until)
 WHERE callback_reached.shard = reached.shard
   AND (callback_reached.store_epoch, callback_reached.xid, callback_reached.position)
     = (reached.from_store_epoch, reached.from_xid::xid8, reached.from_position);

-- add_windows
-- Numbered in the order given. $1 shards, $2 tasks, $3 campaigns, $4 kinds, $5 when they began (unix), $6 first events (unix ms),
-- $7 ordinals, $8 how many
INSERT INTO callback_window (shard, task_id, campaign_id, kind, opened_at, first_ms, ordinals, people)
SELECT shard, task_id, campaign_id, kind, to_timestamp(opened), first_ms, ordinals, people
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::float8[], $6::bigint[], $7::bytea[], $8::integer[])
       WITH ORDINALITY AS cut (shard, task_id, campaign_id, kind, opened, first_ms, ordinals, people, place)
 ORDER BY place;

-- wake_lines
-- In the order of campaigns, so that two trackers wait for each other and never in a circle. One that is failing keeps its pause, one
-- that is parked or stopped stays so. $1 campaigns, $2 accounts
INSERT INTO callback_line AS known (campaign_id, account_id, due_at)
SELECT campaign_id, account_id, statement_timestamp()
  FROM unnest($1::bigint[], $2::bigint[]) AS woken (campaign_id, account_id)
 ORDER BY campaign_id
    ON CONFLICT (campaign_id)
    DO UPDATE SET wishes = known.wishes + 1,
                  due_at = CASE WHEN known.state = 'open' AND known.failures = 0 THEN least(known.due_at, excluded.due_at)
                                ELSE known.due_at END;

-- claim_lines
-- Those whose first call is new, or those whose first call has failed before: each have places of their own.
-- $1 owner, $2 seconds, $3 whether it has failed, $4 limit
WITH wanted AS (
    SELECT callback_line.campaign_id
      FROM callback_line
      JOIN campaign ON campaign.id = callback_line.campaign_id AND campaign.event_callback IS NOT NULL
     WHERE due_at <= statement_timestamp() AND due_at < 'infinity' AND leased_until <= statement_timestamp()
       AND (failures > 0) = $3 AND (SELECT store_is_open())
     ORDER BY due_at
     LIMIT $4
       FOR UPDATE OF callback_line SKIP LOCKED
)
UPDATE callback_line
   SET owner = $1, epoch = epoch + 1, leased_until = clock_timestamp() + make_interval(secs => $2)
  FROM wanted
 WHERE callback_line.campaign_id = wanted.campaign_id
RETURNING callback_line.campaign_id, epoch, wishes;

-- next_calls
-- Renews the lease. No row: it is somebody else's by now, or the campaign wants no calls. One without a number: nothing waits.
-- $1 campaign, $2 epoch, $3 seconds, $4 limit
WITH held AS (
    UPDATE callback_line
       SET leased_until = clock_timestamp() + make_interval(secs => $3)
     WHERE campaign_id = $1 AND epoch = $2
    RETURNING campaign_id, account_id, wishes, failures, url
)
SELECT held.account_id, held.wishes, account.webhook_secret, campaign.event_callback,
       CASE WHEN held.url = campaign.event_callback THEN held.failures ELSE 0 END AS failures,
       task.channel, number, task_id, kind, first_ms, ordinals,
       (SELECT correlation FROM event WHERE stream = 'task-' || task_id AND version = 1) AS correlation
  FROM held
  JOIN campaign ON campaign.id = held.campaign_id AND campaign.event_callback IS NOT NULL
  JOIN account ON account.id = held.account_id
  LEFT JOIN LATERAL (SELECT number, task_id, kind, first_ms, ordinals
                       FROM callback_window
                      WHERE callback_window.campaign_id = held.campaign_id AND callback_window.state = 'waiting'
                      ORDER BY number
                      LIMIT $4) AS upcoming ON true
  LEFT JOIN task ON task.id = upcoming.task_id
 ORDER BY number;

-- addresses_called
-- A line each, in the order of ordinals, for each of the calls; whoever was erased has none, and so a call may have none.
-- $1 numbers of the calls, $2 their tasks, $3 their ordinals, as arrays written as text
SELECT number, (SELECT string_agg(address, E'\n' ORDER BY ordinal)
                  FROM contact_record
                 WHERE contact_record.task_id = called.task_id AND ordinal = ANY (called.ordinals::integer[]) AND address <> '')
       AS addresses
  FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS called (number, task_id, ordinals);

-- settle_call
-- It was taken, or there was nobody to name ($7). That is true whoever holds the line; who does has his lease renewed, and who
-- does not any more learns that by no row. Nobody waits for the disk here: what a crash of the database takes away was the last that
-- was recorded, and is said once more with the id it had. $1 campaign, $2 epoch, $3 task, $4 number, $5 status, $6 attempts made,
-- $7 its state, $8 seconds
WITH unhurried AS (
    SELECT set_config('synchronous_commit', 'off', true)
), settled AS (
    UPDATE callback_window
       SET state = $7, attempts = attempts + $6, last_status = $5, last_error = NULL,
           attempted_at = CASE WHEN $6 > 0 THEN clock_timestamp() ELSE attempted_at END
      FROM unhurried
     WHERE task_id = $3 AND number = $4
)
UPDATE callback_line
   SET failures = 0, leased_until = clock_timestamp() + make_interval(secs => $8)
 WHERE campaign_id = $1 AND epoch = $2;

-- note_failure
-- And lets go of the line. $1 campaign, $2 epoch, $3 task, $4 number, $5 status, $6 why, $7 url, $8 failures, $9 seconds to wait
-- (null: not before somebody wants it again), $10 state of the line
WITH tried AS (
    UPDATE callback_window
       SET attempts = attempts + 1, attempted_at = clock_timestamp(), last_status = $5, last_error = $6
     WHERE task_id = $3 AND number = $4
)
UPDATE callback_line
   SET state = $10, url = $7, failures = $8, wishes = wishes + 1, owner = NULL, leased_until = '-infinity',
       due_at = CASE WHEN $9::float8 IS NULL THEN 'infinity' ELSE clock_timestamp() + make_interval(secs => $9) END
 WHERE campaign_id = $1 AND epoch = $2;

-- rest_line
-- Nothing waits; unless something came meanwhile. $1 campaign, $2 epoch, $3 wishes known before it was looked
UPDATE callback_line
   SET due_at = 'infinity'
 WHERE campaign_id = $1 AND epoch = $2 AND wishes = $3;

-- release_line
-- $1 campaign, $2 epoch
UPDATE callback_line SET owner = NULL, leased_until = '-infinity' WHERE campaign_id = $1 AND epoch = $2;

-- release_lines
-- $1 owner
UPDATE callback_line SET owner = NULL, leased_until = '-infinity' WHERE owner = $1;

-- reopen_lines
-- What waits goes to the new URL: the count of failures was that of the old one.
UPDATE callback_line
   SET state = 'open', failures = 0, url = campaign.event_callback, due_at = statement_timestamp(), wishes = wishes + 1
  FROM campaign
 WHERE failures > 0 AND leased_until <= statement_timestamp()
   AND campaign.id = callback_line.campaign_id AND callback_line.url <> campaign.event_callback;

-- callback_health
-- Seconds since the oldest event whose call was not tried yet, and how many campaigns are given up.
SELECT (SELECT extract(epoch FROM clock_timestamp())::float8 - min(first_ms) / 1000.0::float8
          FROM callback_line AS open
          JOIN campaign ON campaign.id = open.campaign_id AND campaign.event_callback IS NOT NULL,
               LATERAL (SELECT first_ms
                          FROM callback_window
                         WHERE callback_window.campaign_id = open.campaign_id AND callback_window.state = 'waiting'
                         ORDER BY number
                         LIMIT 1) AS upcoming
         WHERE due_at < 'infinity' AND failures = 0) AS age,
       (SELECT count(*) FROM callback_line WHERE failures > 0 AND state = 'parked') AS parked,
       (SELECT count(*) FROM callback_line WHERE failures > 0 AND state = 'stopped') AS stopped;
