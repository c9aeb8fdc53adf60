-- stream_versions
-- Where these streams stand now; a stream that does not exist has no row. $1 streams
SELECT stream, max(version) AS version
  FROM event
 WHERE stream = ANY ($1::text[])
 GROUP BY stream;

-- append_events
-- In key order, so that two groups of commits wait for each other and never in a circle.
-- $1 streams, $2 versions, $3 types, $4 data, $5 accounts, $6 users, $7 correlations
INSERT INTO event (stream, version, type, data, account_id, user_id, correlation)
SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::jsonb[], $5::bigint[], $6::bigint[], $7::text[]);

-- read_stream
-- The whole life of one aggregate, oldest first. $1 stream
SELECT store_epoch, xid::text::bigint AS xid, position, stream, version, type, data, account_id, user_id, correlation,
       extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM event
 WHERE stream = $1
 ORDER BY version;

-- read_after
-- The tail. Below pg_snapshot_xmin no transaction is open any more, so nothing can commit behind a reader who stops there;
-- the events of an earlier epoch are all committed, whatever their xid. Both bounds are ranges of the index, so that a reader
-- whom an open transaction holds back reads nothing in vain, and the order names its table, since a bare xid is the text above.
-- $1 store epoch, $2 xid, $3 position, $4 limit
SELECT store_epoch, xid::text::bigint AS xid, position, stream, version, type, data, account_id, user_id, correlation,
       extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM event
 WHERE (store_epoch, xid, position) > ($1, $2::text::xid8, $3)
   AND (store_epoch, xid) < (store_epoch(), pg_snapshot_xmin(pg_current_snapshot()))
 ORDER BY event.store_epoch, event.xid, event.position
 LIMIT $4;

-- claim_checkpoint
-- For the first who finds it free, or for its own holder: the epoch rises, so that whatever an earlier holder still writes meets
-- no row. The database clock decides, and one that waited for the row is early rather than late. A new tail begins before
-- everything. $1 name, $2 owner, $3 seconds
INSERT INTO checkpoint (name, owner, epoch, leased_until)
VALUES ($1, $2, 1, now() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE
   SET owner = excluded.owner, epoch = checkpoint.epoch + 1, leased_until = excluded.leased_until
 WHERE checkpoint.leased_until < now() OR checkpoint.owner = excluded.owner
RETURNING epoch, store_epoch, xid::text::bigint AS xid, position;

-- renew_checkpoint
-- Also when the time has run out: as long as nobody took it, it is still the holder's. $1 name, $2 epoch, $3 seconds
UPDATE checkpoint SET leased_until = now() + make_interval(secs => $3) WHERE name = $1 AND epoch = $2;

-- release_checkpoint
-- $1 name, $2 epoch
UPDATE checkpoint SET owner = NULL, leased_until = '-infinity' WHERE name = $1 AND epoch = $2;

-- advance_checkpoint
-- $1 name, $2 epoch, $3 store epoch, $4 xid, $5 position
UPDATE checkpoint SET store_epoch = $3, xid = $4::text::xid8, position = $5 WHERE name = $1 AND epoch = $2;

-- checkpoint_lag
-- How long the next event has been waiting for the tail, whether the tail may read it yet or an open transaction holds it back:
-- either is worth an alarm. No row: nothing waits. $1 name
SELECT greatest(0, extract(epoch FROM now() - event.recorded_at))::float8 AS seconds
  FROM checkpoint
  JOIN event ON (event.store_epoch, event.xid, event.position) > (checkpoint.store_epoch, checkpoint.xid, checkpoint.position)
 WHERE checkpoint.name = $1
 ORDER BY event.store_epoch, event.xid, event.position
 LIMIT 1;
