-- renew_shards
-- Also after the lease has run out, as long as nobody took the shard: the epoch tells. In the order of shards, so that two
-- trackers wait for each other and never in a circle. Answers all that is mine now. $1 owner, $2 seconds
WITH mine AS (
    SELECT shard, generation FROM projection WHERE live AND owner = $1 ORDER BY shard FOR UPDATE
)
UPDATE projection
   SET leased_until = clock_timestamp() + make_interval(secs => $2)
  FROM mine
 WHERE projection.shard = mine.shard AND projection.generation = mine.generation
RETURNING projection.shard, projection.generation, epoch, rules, store_epoch, xid::text::bigint AS xid, position;

-- shard_holders
-- By the database clock. $1 nothing
SELECT shard, epoch, rules, CASE WHEN leased_until > clock_timestamp() THEN owner END AS holder
  FROM projection
 WHERE live;

-- take_shards
-- Whoever's they are: the epoch rises, and with that the rounds of the former holder fail. A shard that has moved on since it
-- was looked at, or that somebody is just writing, is left alone, and so is one that a rebuild by rules unknown to us has
-- taken over meanwhile. $1 owner, $2 seconds, $3 shards, $4 their epochs, $5 rules we know
WITH wanted AS (
    SELECT projection.shard, generation
      FROM projection
      JOIN unnest($3::smallint[], $4::integer[]) AS seen (shard, epoch)
        ON projection.shard = seen.shard AND projection.epoch = seen.epoch
     WHERE live AND rules = ANY ($5::smallint[])
     ORDER BY projection.shard
       FOR UPDATE OF projection SKIP LOCKED
)
UPDATE projection
   SET owner = $1, epoch = epoch + 1, leased_until = clock_timestamp() + make_interval(secs => $2)
  FROM wanted
 WHERE projection.shard = wanted.shard AND projection.generation = wanted.generation
RETURNING projection.shard, projection.generation, epoch, rules, store_epoch, xid::text::bigint AS xid, position;

-- release_shards
-- $1 owner
UPDATE projection SET owner = NULL, leased_until = '-infinity' WHERE live AND owner = $1;

-- advance_checkpoints
-- The fence, and the first statement of a round that writes: only who still holds a shard, and read it from where it stands,
-- passes. The rows stay locked until the commit, so nobody else writes sets of these shards meanwhile.
-- $1 shards, $2 generations, $3 epochs, $4 to $6 store epochs, xids and positions read from, $7 to $9 reached
UPDATE projection
   SET store_epoch = reached.store_epoch, xid = reached.xid::xid8, position = reached.position
  FROM unnest($1::smallint[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::bigint[],
              $7::integer[], $8::text[], $9::bigint[])
       AS reached (shard, generation, epoch, from_store_epoch, from_xid, from_position, store_epoch, xid, position)
 WHERE projection.shard = reached.shard AND projection.generation = reached.generation AND projection.epoch = reached.epoch
   AND (projection.store_epoch, projection.xid, projection.position)
     = (reached.from_store_epoch, reached.from_xid::xid8, reached.from_position);

-- sets_to_grow
-- $1 tasks, $2 generations, $3 kinds, $4 links, $5 chunks
SELECT task_id, kind, link, chunk, bits
  FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::integer[], $5::integer[])
       AS wanted (task_id, generation, kind, link, chunk)
  JOIN ordinal_set USING (task_id, generation, kind, link, chunk);

-- write_sets
-- $1 shards, $2 tasks, $3 generations, $4 kinds, $5 links, $6 chunks, $7 bits, $8 cardinalities
INSERT INTO ordinal_set (shard, task_id, generation, kind, link, chunk, bits, cardinality)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::smallint[], $5::integer[], $6::integer[],
                     $7::bytea[], $8::integer[])
    ON CONFLICT (task_id, generation, kind, link, chunk)
    DO UPDATE SET bits = excluded.bits, cardinality = excluded.cardinality;

-- add_to_series
-- $1 shards, $2 tasks, $3 generations, $4 kinds, $5 links, $6 minutes, $7 hits
INSERT INTO hit_series (shard, task_id, generation, kind, link, minute, hits)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::integer[], $4::smallint[], $5::integer[], $6::integer[], $7::bigint[])
    ON CONFLICT (task_id, generation, kind, link, minute)
    DO UPDATE SET hits = hit_series.hits + excluded.hits;

-- open_tasks
-- What may still have to be completed. $1 after this id, $2 limit
SELECT id
  FROM task
 WHERE started AND NOT completed AND NOT cancelled AND recipients IS NOT NULL AND id > $1
 ORDER BY id
 LIMIT $2;

-- finished_tasks
-- Of these, the tasks whose whole audience has a final state that can be counted; one without recipients has it at once.
-- $1 tasks, $2 number of the set of final states
SELECT id, account_id, (SELECT correlation FROM event WHERE stream = 'task-' || task.id AND version = 1) AS correlation
  FROM task
 WHERE id = ANY ($1::bigint[])
   AND started AND NOT completed AND NOT cancelled
   AND recipients <= coalesce((SELECT sum(cardinality)
                                 FROM ordinal_set
                                 JOIN projection ON projection.shard = ordinal_set.shard
                                                AND projection.generation = ordinal_set.generation AND live
                                WHERE task_id = task.id AND kind = $2 AND link = 0), 0);

-- harm_of_tasks
-- Of these, the tasks that are being sent: how many accepted, how many bounced for good, how many complained.
-- $1 tasks, $2 $3 $4 the numbers of those sets
SELECT task.id, task.account_id,
       coalesce(sum(cardinality) FILTER (WHERE kind = $2), 0)::bigint AS accepted,
       coalesce(sum(cardinality) FILTER (WHERE kind = $3), 0)::bigint AS hard_bounced,
       coalesce(sum(cardinality) FILTER (WHERE kind = $4), 0)::bigint AS complained
  FROM task
  JOIN ordinal_set ON ordinal_set.task_id = task.id AND kind IN ($2, $3, $4) AND link = 0
  JOIN projection ON projection.shard = ordinal_set.shard AND projection.generation = ordinal_set.generation AND live
 WHERE task.id = ANY ($1::bigint[])
   AND started AND NOT completed AND NOT cancelled AND NOT paused
 GROUP BY task.id;

-- drop_unfinished_generations
-- What an earlier rebuild began; if it still runs, its next round fails.
DELETE FROM projection WHERE NOT live;

-- begin_generation
-- From now on nothing is merged that it has not read; whoever is just merging is waited for. $1 owner, $2 rules
WITH still AS MATERIALIZED (
    SELECT shard, merging_stops(shard::smallint) FROM generate_series(0, 63) AS shard
)
INSERT INTO projection (shard, generation, live, epoch, owner, rules)
SELECT projection.shard, generation + 1, false, 1, $1, $2
  FROM projection
  JOIN still ON still.shard = projection.shard
 WHERE live
RETURNING shard, generation, epoch, rules, store_epoch, xid::text::bigint AS xid, position;

-- live_reached
-- How far each shard is projected for those who read it.
SELECT shard, store_epoch, xid::text::bigint AS xid, position
  FROM projection
 WHERE live;

-- hold_live_shard
-- Until the commit its projector waits. $1 shard
SELECT generation, epoch, rules, store_epoch, xid::text::bigint AS xid, position
  FROM projection
 WHERE shard = $1 AND live
   FOR UPDATE;

-- drop_generation
-- $1 shard, $2 generation
DELETE FROM projection WHERE shard = $1 AND generation = $2;

-- set_live
-- Free for whoever comes first. $1 shard, $2 generation, $3 epoch
UPDATE projection
   SET live = true, owner = NULL, leased_until = '-infinity'
 WHERE shard = $1 AND generation = $2 AND epoch = $3;

-- delete_dead_sets
-- A chunk of the sets of generations that are no more. $1 from this task on, $2 limit
WITH dead AS (
    SELECT task_id, generation, kind, link, chunk
      FROM ordinal_set
     WHERE task_id >= $1
       AND NOT EXISTS (SELECT FROM projection
                        WHERE projection.shard = ordinal_set.shard AND projection.generation = ordinal_set.generation)
     ORDER BY task_id
     LIMIT $2
)
DELETE FROM ordinal_set
 USING dead
 WHERE ordinal_set.task_id = dead.task_id AND ordinal_set.generation = dead.generation AND ordinal_set.kind = dead.kind
   AND ordinal_set.link = dead.link AND ordinal_set.chunk = dead.chunk
RETURNING ordinal_set.task_id;

-- delete_dead_series
-- As above. $1 from this task on, $2 limit
WITH dead AS (
    SELECT task_id, generation, kind, link, minute
      FROM hit_series
     WHERE task_id >= $1
       AND NOT EXISTS (SELECT FROM projection
                        WHERE projection.shard = hit_series.shard AND projection.generation = hit_series.generation)
     ORDER BY task_id
     LIMIT $2
)
DELETE FROM hit_series
 USING dead
 WHERE hit_series.task_id = dead.task_id AND hit_series.generation = dead.generation AND hit_series.kind = dead.kind
   AND hit_series.link = dead.link AND hit_series.minute = dead.minute
RETURNING hit_series.task_id;

-- recipients_returned
-- To whom messages went that came back, by their place in what is asked. $1 tasks, $2 ordinals
SELECT returned.place, task.account_id, task.channel, contact_record.subscriber_id, contact_record.address
  FROM unnest($1::bigint[], $2::integer[]) WITH ORDINALITY AS returned (task_id, ordinal, place)
  JOIN task ON task.id = returned.task_id
  JOIN contact_record ON contact_record.task_id = returned.task_id AND contact_record.ordinal = returned.ordinal
 WHERE contact_record.address <> '';

-- hold_soft_bounces
-- Two trackers count for one account one after the other: else neither sees what the other one adds. $1 accounts
SELECT pg_advisory_xact_lock(hashtextextended('soft bounces of account ' || account_id, 0))
  FROM (SELECT DISTINCT unnest($1::bigint[]) AS account_id ORDER BY account_id) AS concerned;

-- add_soft_bounces
-- Of one task each address counts once. $1 accounts, $2 channels, $3 hashes, $4 tasks, $5 times
INSERT INTO soft_bounce (account_id, channel, hash, task_id, bounced_at)
SELECT account_id, channel, hash, task_id, to_timestamp(bounced_at)
  FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[], $5::float8[])
       AS added (account_id, channel, hash, task_id, bounced_at)
    ON CONFLICT DO NOTHING;

-- take_soft_bounces
-- The addresses with enough of them since then, whose count begins anew; some of those too old to count are dropped beside.
-- $1 accounts, $2 channels, $3 hashes, $4 since, $5 how many are enough
WITH old AS (
    DELETE FROM soft_bounce
     WHERE ctid = ANY (ARRAY (SELECT ctid FROM soft_bounce
                               WHERE bounced_at < to_timestamp($4)
                               ORDER BY bounced_at
                               LIMIT 1000
                                 FOR UPDATE SKIP LOCKED))
), enough AS (
    SELECT soft_bounce.account_id, soft_bounce.channel, soft_bounce.hash
      FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::text[], $3::bytea[]) AS each_one (account_id, channel, hash)) AS asked
      JOIN soft_bounce ON soft_bounce.account_id = asked.account_id AND soft_bounce.channel = asked.channel
                      AND soft_bounce.hash = asked.hash
     WHERE soft_bounce.bounced_at >= to_timestamp($4)
     GROUP BY soft_bounce.account_id, soft_bounce.channel, soft_bounce.hash
    HAVING count(*) >= $5
), taken AS (
    DELETE FROM soft_bounce
     USING enough
     WHERE soft_bounce.account_id = enough.account_id AND soft_bounce.channel = enough.channel
       AND soft_bounce.hash = enough.hash AND soft_bounce.bounced_at >= to_timestamp($4)
)
SELECT account_id, channel, hash FROM enough;

-- engagement_reached
-- How far the live generation has come. $1 shards
SELECT shard, generation, store_epoch, xid::text::bigint AS xid, position
  FROM engagement_reached
 WHERE generation = live_engagement() AND shard = ANY ($1::smallint[]);

-- advance_engagement
-- The fence, and the first statement of a round that writes: who does not stand where he read from adds nothing.
-- $1 generation, $2 shards, $3 to $5 store epochs, xids and positions read from, $6 to $8 reached
UPDATE engagement_reached
   SET store_epoch = reached.store_epoch, xid = reached.xid::xid8, position = reached.position
  FROM unnest($2::smallint[], $3::integer[], $4::text[], $5::bigint[], $6::integer[], $7::text[], $8::bigint[])
       AS reached (shard, from_store_epoch, from_xid, from_position, store_epoch, xid, position)
 WHERE engagement_reached.generation = $1 AND engagement_reached.shard = reached.shard
   AND (engagement_reached.store_epoch, engagement_reached.xid, engagement_reached.position)
     = (reached.from_store_epoch, reached.from_xid::xid8, reached.from_position);

-- add_engagement
-- One statement a round, however many hits: whose they are, then a row a person, and a row a person and day of opens. In the order
-- of subscribers, so that two trackers who add to the same persons wait for each other and never in a circle. Whoever is erased
-- is left out. $1 generation, $2 tasks, $3 ordinals, $4 kinds, $5 unix ms, $6 $7 $8 opened, clicked, bounced for now
WITH deed AS MATERIALIZED (
    SELECT contact_record.subscriber_id, hit.kind, hit.time_ms
      FROM unnest($2::bigint[], $3::integer[], $4::smallint[], $5::bigint[]) AS hit (task_id, ordinal, kind, time_ms)
      JOIN contact_record ON contact_record.task_id = hit.task_id AND contact_record.ordinal = hit.ordinal
      JOIN subscriber ON subscriber.id = contact_record.subscriber_id
), days AS (
    INSERT INTO daily_open AS known (generation, subscriber_id, day, opens)
    SELECT $1, subscriber_id, date '1970-01-01' + (time_ms / 86400000)::integer AS day, count(*)
      FROM deed
     WHERE kind = $6
     GROUP BY subscriber_id, day
     ORDER BY subscriber_id, day
        ON CONFLICT (subscriber_id, generation, day) DO UPDATE SET opens = known.opens + excluded.opens
)
INSERT INTO engagement AS known (generation, subscriber_id, opens, clicks, last_open, last_click, last_soft_bounce)
SELECT $1, subscriber_id,
       count(*) FILTER (WHERE kind = $6), count(*) FILTER (WHERE kind = $7),
       to_timestamp(max(time_ms) FILTER (WHERE kind = $6) / 1000.0), to_timestamp(max(time_ms) FILTER (WHERE kind = $7) / 1000.0),
       to_timestamp(max(time_ms) FILTER (WHERE kind = $8) / 1000.0)
  FROM deed
 GROUP BY subscriber_id
 ORDER BY subscriber_id
    ON CONFLICT (subscriber_id, generation)
    DO UPDATE SET opens = known.opens + excluded.opens, clicks = known.clicks + excluded.clicks,
                  last_open = greatest(known.last_open, excluded.last_open),
                  last_click = greatest(known.last_click, excluded.last_click),
                  last_soft_bounce = greatest(known.last_soft_bounce, excluded.last_soft_bounce);

-- drop_unfinished_engagement
-- What an earlier rebuild began, or what was live until just now; whoever still adds to it fails with his next round.
DELETE FROM engagement_reached WHERE generation <> live_engagement();

-- begin_engagement
-- A number that no generation had before it: what is left of former ones is deleted later. And nothing is merged that it has not read.
WITH begun AS (
    UPDATE engagement_generation SET newest = newest + 1 RETURNING newest
), still AS MATERIALIZED (
    SELECT shard, merging_stops(shard::smallint) FROM generate_series(0, 63) AS shard
)
INSERT INTO engagement_reached (generation, shard)
SELECT begun.newest, shard
  FROM begun, still
RETURNING shard, generation, store_epoch, xid::text::bigint AS xid, position;

-- hold_live_engagement
-- Until the commit nobody adds to it. In the order of shards.
SELECT shard, generation, store_epoch, xid::text::bigint AS xid, position
  FROM engagement_reached
 WHERE generation = live_engagement()
 ORDER BY shard
   FOR UPDATE;

-- set_live_engagement
-- $1 generation
UPDATE engagement_generation SET live = $1 WHERE newest = $1;

-- delete_dead_engagement
-- A chunk of the generations that are no more. $1 from this subscriber on, $2 limit
WITH dead AS (
    SELECT subscriber_id, generation
      FROM engagement
     WHERE subscriber_id >= $1 AND generation NOT IN (SELECT generation FROM engagement_reached)
     ORDER BY subscriber_id
     LIMIT $2
)
DELETE FROM engagement
 USING dead
 WHERE engagement.subscriber_id = dead.subscriber_id AND engagement.generation = dead.generation
RETURNING engagement.subscriber_id;

-- delete_dead_daily_opens
-- As above. $1 from this subscriber on, $2 limit
WITH dead AS (
    SELECT subscriber_id, generation, day
      FROM daily_open
     WHERE subscriber_id >= $1 AND generation NOT IN (SELECT generation FROM engagement_reached)
     ORDER BY subscriber_id
     LIMIT $2
)
DELETE FROM daily_open
 USING dead
 WHERE daily_open.subscriber_id = dead.subscriber_id AND daily_open.generation = dead.generation AND daily_open.day = dead.day
RETURNING daily_open.subscriber_id;
