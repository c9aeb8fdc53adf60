-- append_segments
-- $1 shards, $2 tasks, $3 kinds, $4 batches, $5 epochs, $6 parts, $7 first ordinals, $8 last ordinals, $9 ordinals, $10 hits
INSERT INTO segment (shard, task_id, kind, batch, epoch, part, first_ordinal, last_ordinal, ordinals, hits)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::integer[], $6::integer[],
                     $7::integer[], $8::integer[], $9::bytea[], $10::bytea[])
    ON CONFLICT DO NOTHING;

-- segments_of_batch
-- All that is known of the outcomes of one batch, whatever epoch recorded it. $1 task, $2 batch
SELECT kind, epoch, part, ordinals
  FROM segment
 WHERE task_id = $1 AND batch = $2;

-- let_nobody_merge
-- Until the commit; whoever is just merging is waited for, some milliseconds. And what follows goes by index, as in go_by_index.
-- $1 shards, in their order
SELECT merging_stops(shard), set_config('enable_seqscan', 'off', true) FROM unnest($1::smallint[]) AS wanted (shard);

-- merged_of
-- What the merged segments of some producers were made of. A statement of its own behind the lock, so that it sees what the last one
-- to merge has left. $1 tasks, $2 batches, $3 epochs
SELECT segment.task_id, segment.batch, segment.epoch, part, merged
  FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS wanted (task_id, batch, epoch)
  JOIN segment ON segment.task_id = wanted.task_id AND segment.batch = wanted.batch AND segment.epoch = wanted.epoch
 WHERE merged IS NOT NULL;

-- sets_of_task
-- Chunk by chunk, all of the generation that is live in this very snapshot. $1 shard, $2 task, $3 kinds
SELECT kind, bits
  FROM ordinal_set
 WHERE task_id = $2
   AND generation = (SELECT generation FROM projection WHERE shard = $1 AND live)
   AND kind = ANY ($3::smallint[]) AND link = 0;

-- sets_of_chunk
-- $1 shard, $2 task, $3 kinds, $4 chunk
SELECT kind, bits
  FROM ordinal_set
 WHERE task_id = $2
   AND generation = (SELECT generation FROM projection WHERE shard = $1 AND live)
   AND kind = ANY ($3::smallint[]) AND link = 0 AND chunk = $4;

-- set_counts
-- The bits stay where they are: each row knows its cardinality. $1 tasks, $2 kinds
SELECT ordinal_set.task_id, kind, sum(cardinality)::bigint AS members
  FROM ordinal_set
  JOIN projection ON projection.shard = ordinal_set.shard AND projection.generation = ordinal_set.generation AND live
 WHERE task_id = ANY ($1::bigint[]) AND kind = ANY ($2::smallint[]) AND link = 0
 GROUP BY task_id, kind;

-- derived_sets
-- One row at least, which tells by which rules the live generation is judged. $1 shard, $2 task, $3 numbers of the sets
SELECT rules, kind, link AS visit, bits
  FROM projection
  LEFT JOIN ordinal_set
    ON task_id = $2 AND ordinal_set.generation = projection.generation AND kind = ANY ($3::smallint[])
 WHERE projection.shard = $1 AND live;

-- link_counts
-- $1 shard, $2 task, $3 kind
SELECT link, sum(cardinality)::bigint AS members
  FROM ordinal_set
 WHERE task_id = $2
   AND generation = (SELECT generation FROM projection WHERE shard = $1 AND live)
   AND kind = $3 AND link > 0
 GROUP BY link;

-- hit_totals
-- $1 shard, $2 task
SELECT kind, link, sum(hits)::bigint AS hits
  FROM hit_series
 WHERE task_id = $2 AND generation = (SELECT generation FROM projection WHERE shard = $1 AND live)
 GROUP BY kind, link;

-- hit_series
-- $1 shard, $2 task
SELECT minute, kind, hits
  FROM hit_series
 WHERE task_id = $2
   AND generation = (SELECT generation FROM projection WHERE shard = $1 AND live)
   AND link = 0
 ORDER BY minute, kind;

-- go_by_index
-- A plan made while the log was small would read and sort the whole of it, and be kept while it grows. Compiling such a
-- statement takes longer than running it. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true), set_config('jit', 'off', true);

-- segments_after
-- The tail of many shards at once: a few probes of an index for each, so that idle ones cost next to nothing. Below
-- pg_snapshot_xmin no transaction is open any more, and the segments of an earlier store epoch are all committed: both say
-- (store_epoch, xid) < (current epoch, xmin). The n-th of every shard goes before the n+1-th of any, and what is beyond the
-- volume stays for the next time: that is what the hits take in memory, by the count in their header (segments.py). $1 shards,
-- $2 store epochs, $3 xids, $4 positions, $5 limit of each shard, $6 bytes of hits, $7 kinds whose hits are wanted: of the others they are null
SELECT shard, store_epoch, xid::text::bigint AS xid, position, task_id, kind, hits,
       extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM (SELECT next.*, sum(size) OVER (ORDER BY turn, next.shard) - size AS before
          FROM (SELECT store_epoch() AS store_epoch, pg_snapshot_xmin(pg_current_snapshot()) AS xmin OFFSET 0) AS edge,
               unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[]) AS reached (shard, store_epoch, xid, position),
               LATERAL (SELECT shard, store_epoch, xid, position, task_id, kind, recorded_at,
                               CASE WHEN kind = ANY ($7::smallint[]) THEN hits END AS hits,
                               CASE WHEN kind = ANY ($7::smallint[]) AND octet_length(hits) >= 16
                                    THEN 8 * (get_byte(hits, 4) + get_byte(hits, 5) * 256 + get_byte(hits, 6) * 65536)
                                    ELSE 0
                               END AS size,
                               row_number() OVER (ORDER BY store_epoch, xid, position) AS turn
                          FROM segment
                         WHERE segment.shard = reached.shard
                           AND (store_epoch, xid, position) > (reached.store_epoch, reached.xid::xid8, reached.position)
                           AND (store_epoch, xid) < (edge.store_epoch, edge.xmin)
                         ORDER BY store_epoch, xid, position
                         LIMIT $5) AS next) AS ahead
 WHERE before < $6
 ORDER BY turn, shard;

-- oldest_waiting
-- Whatever its transaction's place: a tail that is held back by a transaction left open must show. $1 to $4 as above
SELECT extract(epoch FROM clock_timestamp() - min(next.recorded_at))::float8 AS seconds
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[]) AS reached (shard, store_epoch, xid, position),
       LATERAL (SELECT recorded_at
                  FROM segment
                 WHERE segment.shard = reached.shard
                   AND (store_epoch, xid, position) > (reached.store_epoch, reached.xid::xid8, reached.position)
                 ORDER BY store_epoch, xid, position
                 LIMIT 1) AS next;

-- count_waiting
-- $1 to $4 as above, $5 limit
SELECT count(*) AS segments
  FROM (SELECT
          FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[]) AS reached (shard, store_epoch, xid, position)
          JOIN segment ON segment.shard = reached.shard
                      AND (segment.store_epoch, segment.xid, segment.position)
                        > (reached.store_epoch, reached.xid::xid8, reached.position)
         LIMIT $5) AS waiting;
