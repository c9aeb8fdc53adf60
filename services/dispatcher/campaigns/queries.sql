-- waiting_campaigns
-- Those that are to be READY by the clock of the database, a page at a time: also those that lacked something at the last look.
-- $1 seconds before their time, $2 last id of the page before, $3 limit
SELECT id, account_id, user_id, name, state, list_id, domain_id, segments, event_callback, payloads, tasks, held_back, error,
       extract(epoch FROM scheduled_at)::float8 AS scheduled_at, extract(epoch FROM cdate)::float8 AS cdate
  FROM campaign
 WHERE state = 'SCHEDULED' AND NOT held_back AND NOT removed AND id > $2
   AND scheduled_at <= clock_timestamp() + $1 * interval '1 second'
 ORDER BY id
 LIMIT $3;

-- due_campaigns
-- Those whose time has come, and the time it is. $1 limit
SELECT id, account_id, user_id, name, state, list_id, domain_id, segments, event_callback, payloads, tasks, held_back, error,
       extract(epoch FROM clock_timestamp())::float8 AS asked_at,
       extract(epoch FROM scheduled_at)::float8 AS scheduled_at, extract(epoch FROM cdate)::float8 AS cdate,
       (SELECT correlation
          FROM event
         WHERE stream = 'campaign-' || campaign.id AND correlation IS NOT NULL
         ORDER BY version DESC
         LIMIT 1) AS correlation
  FROM campaign
 WHERE state = 'READY' AND NOT removed AND scheduled_at <= clock_timestamp() AND (SELECT store_is_open())
 ORDER BY scheduled_at, id
 LIMIT $1;

-- segments_of
-- What they ask for. $1 account, $2 segments
SELECT list_id, query FROM saved_search WHERE account_id = $1 AND id = ANY ($2::bigint[]) ORDER BY id;

-- ended_campaigns
-- Those whose tasks have all come to their end: completed, or cancelled and everybody of it counted. $1 number of the set of final
-- states, $2 limit
SELECT id, account_id, tasks
  FROM campaign
 WHERE state = 'SENDING'
   AND NOT EXISTS (
           SELECT
             FROM task
            WHERE task.campaign_id = campaign.id AND NOT task.completed
              AND NOT (task.cancelled AND (NOT task.started OR task.recipients <= coalesce((
                      SELECT sum(cardinality)
                        FROM ordinal_set
                        JOIN projection ON projection.shard = ordinal_set.shard
                                       AND projection.generation = ordinal_set.generation AND live
                       WHERE ordinal_set.task_id = task.id AND kind = $1 AND link = 0), 0))))
 ORDER BY id
 LIMIT $2;

-- ends_of_tasks
-- $1 tasks
SELECT id, recipients FROM task WHERE id = ANY ($1::bigint[]);
