-- what_waits
-- Work whose time has come, each counted up to 10,000 along an index of its own, and since when the oldest waits. Batches as
-- dispatchers would claim them: of a task with a rate one at most, of one that rests or of which nothing gets through none. What was
-- cut from an audience waits since its turn, a thousand seconds behind its due_at (cut_batches).
-- $1 limit
SELECT (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(scheduledtime)), 0)::float8)
          FROM (SELECT scheduledtime
                  FROM task
                 WHERE NOT started AND NOT cancelled AND NOT paused AND scheduledtime <= clock_timestamp()
                 ORDER BY scheduledtime
                 LIMIT $1) AS due) AS tasks,
       (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float8)
          FROM (SELECT greatest(CASE WHEN batch.number < 4294967296 THEN least(batch.due_at + interval '1000 seconds', clock_timestamp())
                                     ELSE batch.due_at END,
                                CASE WHEN batch.leased_until > '-infinity' THEN batch.leased_until END) AS since
                  FROM batch
                  JOIN sending ON sending.task_id = batch.task_id AND sending.burst IS NULL
                              AND sending.blocked_reason IS NULL AND NOT rests(sending)
                 WHERE NOT batch.done AND batch.due_at <= clock_timestamp() AND batch.leased_until < clock_timestamp()
                 LIMIT $1) AS due) AS batches,
       (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(cdate)), 0)::float8)
          FROM (SELECT job.cdate
                  FROM job_work
                  JOIN job ON job.id = job_work.id
                 WHERE NOT ended AND due_at <= clock_timestamp()
                 LIMIT $1) AS due) AS jobs,
       (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8)
          FROM (SELECT due_at FROM notice WHERE state = 'waiting' AND due_at <= clock_timestamp() LIMIT $1) AS due) AS notices,
       (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8)
          FROM (SELECT due_at FROM postback WHERE state = 'waiting' AND due_at <= clock_timestamp() LIMIT $1) AS due) AS postbacks,
       (SELECT row(count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8)
          FROM (SELECT event.recorded_at
                  FROM checkpoint
                  JOIN event ON (event.store_epoch, event.xid, event.position)
                              > (checkpoint.store_epoch, checkpoint.xid, checkpoint.position)
                 WHERE checkpoint.name = 'relay'
                 ORDER BY event.store_epoch, event.xid, event.position
                 LIMIT $1) AS unpublished) AS events;

-- oldest_writer
-- The oldest transaction that has written something and not ended; null when there is none.
SELECT CASE WHEN pg_snapshot_xmin(seen) < pg_snapshot_xmax(seen) THEN pg_snapshot_xmin(seen)::text::bigint END AS xid
  FROM pg_current_snapshot() AS seen;

-- store_is_held
-- Whether nothing may be claimed: the database was brought back and nobody has confirmed it, or was promoted seconds ago.
SELECT NOT store_is_open();

-- open_tasks
-- Started and not at their end; of these, paused, and such of which nothing gets through. $1 limit
SELECT count(*) AS open, count(*) FILTER (WHERE task.paused) AS paused,
       count(*) FILTER (WHERE sending.blocked_reason IS NOT NULL) AS blocked
  FROM (SELECT id, paused FROM task WHERE started AND NOT completed AND NOT cancelled ORDER BY id DESC LIMIT $1) AS task
  LEFT JOIN sending ON sending.task_id = task.id;

-- set_sizes
-- Of the open tasks, the newest first: each row knows its cardinality. $1 kinds, $2 limit of tasks
SELECT kind, sum(cardinality)::bigint AS members
  FROM (SELECT id FROM task WHERE started AND NOT completed AND NOT cancelled ORDER BY id DESC LIMIT $2) AS task
  JOIN ordinal_set ON ordinal_set.task_id = task.id AND kind = ANY ($1::smallint[]) AND link = 0
  JOIN projection ON projection.shard = ordinal_set.shard AND projection.generation = ordinal_set.generation AND live
 GROUP BY kind;

-- held_chunks
-- Where there is anybody held in doubt, in whatever task (0031_figures.sql), the newest first. $1 limit
SELECT held.task_id, held.generation, held.chunk, held.cardinality
  FROM ordinal_set AS held
  JOIN projection ON projection.shard = held.shard AND projection.generation = held.generation AND live
 WHERE held.kind = 13 AND held.link = 0 AND held.cardinality > 0
 ORDER BY held.task_id DESC, held.chunk
 LIMIT $1;

-- states_of_chunks
-- $1 tasks, $2 generations, $3 chunks, $4 kinds
SELECT wanted.task_id, wanted.chunk, kind, bits
  FROM unnest($1::bigint[], $2::integer[], $3::integer[]) AS wanted (task_id, generation, chunk)
  JOIN ordinal_set ON ordinal_set.task_id = wanted.task_id AND ordinal_set.generation = wanted.generation
                  AND ordinal_set.chunk = wanted.chunk AND link = 0 AND kind = ANY ($4::smallint[]);
