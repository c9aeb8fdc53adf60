-- shards_to_merge
-- Those with something behind the place reached that was recorded long enough ago and that everybody has read; a probe of the index
-- each. $1 shards, $2 seconds: a day is merged when it has been over for so long
SELECT merged_reached.shard
  FROM unnest($1::smallint[]) AS wanted (shard)
  JOIN merged_reached ON merged_reached.shard = wanted.shard
 CROSS JOIN LATERAL everybody_reached(wanted.shard) AS read
 CROSS JOIN LATERAL (SELECT store_epoch, xid, position, recorded_at
                       FROM segment
                      WHERE segment.shard = wanted.shard
                        AND (segment.store_epoch, segment.xid, segment.position)
                          > (merged_reached.store_epoch, merged_reached.xid, merged_reached.position)
                      ORDER BY segment.store_epoch, segment.xid, segment.position
                      LIMIT 1) AS next
 WHERE (next.store_epoch, next.xid, next.position) <= (read.store_epoch, read.xid, read.position)
   AND next.recorded_at < date_trunc('day', clock_timestamp() - make_interval(secs => $2), 'UTC');

-- segments_to_merge
-- In the order of the log, without their hits, of which no more than the header is read: else a look at thousands of large ones takes
-- all of them from the disk. is_over: whether it was recorded long enough ago. $1 shard, $2 as above, $3 limit
SELECT task_id, kind, batch, epoch, part, segment.store_epoch, segment.xid::text::bigint AS xid_read, segment.position, first_ordinal,
       last_ordinal, hit_count(substr(hits, 1, 16)) AS hits, merged IS NOT NULL AS merged, extract(epoch FROM recorded_at)::float8 AS recorded_at,
       recorded_at < date_trunc('day', clock_timestamp() - make_interval(secs => $2), 'UTC') AS is_over
  FROM merged_reached
 CROSS JOIN LATERAL everybody_reached(merged_reached.shard) AS read
  JOIN segment ON segment.shard = merged_reached.shard
              AND (segment.store_epoch, segment.xid, segment.position)
                > (merged_reached.store_epoch, merged_reached.xid, merged_reached.position)
              AND (segment.store_epoch, segment.xid, segment.position) <= (read.store_epoch, read.xid, read.position)
 WHERE merged_reached.shard = $1
 ORDER BY segment.store_epoch, segment.xid, segment.position
 LIMIT $3;

-- try_merging
-- Nobody else merges in this shard, appends what may have been merged in it, or begins to rebuild, until the commit. False: somebody
-- does. And what follows goes by index, see go_by_index of shared/delivery_log. $1 shard
SELECT try_merging($1::smallint), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);

-- originals
-- $1 task, $2 batch, $3 epoch, $4 parts
SELECT part, position, hits, (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_us
  FROM segment
 WHERE task_id = $1 AND batch = $2 AND epoch = $3 AND part = ANY ($4::integer[])
 ORDER BY part;

-- merge_segments
-- $1 shard, $2 task, $3 batch, $4 epoch, $5 parts, $6 who is in them (null: it is never asked), $7 their hits, $8 which of it is which
SELECT merge_segments($1::smallint, $2, $3, $4, $5::integer[], $6, $7, $8);

-- advance_merged
-- From where this round began, should nobody else have been quicker. $1 shard, $2 to $4 store epoch, xid and position reached
UPDATE merged_reached
   SET store_epoch = $2, xid = $3::text::xid8, position = $4
 WHERE shard = $1 AND (store_epoch, xid, position) < ($2, $3::text::xid8, $4);
