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
