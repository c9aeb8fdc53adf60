-- How many due batches wait for a dispatcher with room: nobody has claimed them, and they may go now. Of a task with a rate that is
-- one at most, and none of a task that rests or of which nothing gets through: more dispatchers would not send those sooner.
-- Counted up to 10,000.
SELECT count(*)
  FROM (SELECT
          FROM batch
          JOIN sending ON sending.task_id = batch.task_id AND sending.burst IS NULL
                      AND sending.blocked_reason IS NULL AND NOT rests(sending)
         WHERE NOT batch.done AND batch.due_at <= clock_timestamp() AND batch.leased_until < clock_timestamp()
        UNION ALL
        SELECT
          FROM sending
         WHERE sending.burst IS NOT NULL AND sending.frozen AND sending.next_at <= clock_timestamp()
           AND sending.blocked_reason IS NULL AND NOT rests(sending)
           AND EXISTS (SELECT
                         FROM batch
                        WHERE batch.task_id = sending.task_id AND NOT batch.done
                          AND batch.due_at <= clock_timestamp() AND batch.leased_until < clock_timestamp())
         LIMIT 10000) AS waiting
