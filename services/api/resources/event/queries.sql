-- edge
-- Below it no transaction is open any more, so what is read there now is all that there will ever be. Asked for first: both logs
-- are read up to the same edge. And from where on everything is kept.
SELECT store_epoch() AS store_epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid,
       events_kept.store_epoch AS kept_epoch, events_kept.xid::text::bigint AS kept_xid
  FROM events_kept;

-- events_between
-- The next of the event store, whosever they are; data only of those of the account.
-- $1 to $3 behind this store epoch, xid and position, $4 and $5 below this store epoch and xid, $6 account, $7 limit
SELECT store_epoch, xid::text::bigint AS xid, position, stream, version, type, account_id, user_id, correlation,
       CASE WHEN account_id = $6 THEN data END AS data, extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM event
 WHERE (store_epoch, xid, position) > ($1, $2::text::xid8, $3)
   AND (store_epoch, xid) < ($4, $5::text::xid8)
 ORDER BY event.store_epoch, event.xid, event.position
 LIMIT $7;

-- segments_between
-- The same of each shard of the delivery log, without their hits. size: what these take in memory, 8 each (segments.py). $1 shards,
-- $2 to $8 as $1 to $7 above
SELECT next.*, next.xid_read AS xid, coalesce(task.account_id = $7, false) AS of_account
  FROM unnest($1::smallint[]) AS wanted (shard),
       LATERAL (SELECT shard, store_epoch, segment.xid::text::bigint AS xid_read, position, task_id, kind, batch, epoch, part,
                       CASE WHEN octet_length(hits) < 16 THEN 0
                            ELSE 8 * (get_byte(hits, 4) + get_byte(hits, 5) * 256 + get_byte(hits, 6) * 65536)
                       END AS size
                  FROM segment
                 WHERE segment.shard = wanted.shard
                   AND (store_epoch, segment.xid, position) > ($2, $3::text::xid8, $4)
                   AND (store_epoch, segment.xid) < ($5, $6::text::xid8)
                 ORDER BY store_epoch, segment.xid, position
                 LIMIT $8) AS next
  LEFT JOIN task ON task.id = next.task_id;

-- hits_of
-- $1 tasks, $2 batches, $3 epochs, $4 parts
SELECT segment.task_id, segment.position, segment.part, hits, merged, (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_us
  FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[]) AS wanted (task_id, batch, epoch, part)
  JOIN segment ON segment.task_id = wanted.task_id AND segment.batch = wanted.batch
              AND segment.epoch = wanted.epoch AND segment.part = wanted.part;
