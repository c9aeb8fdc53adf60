-- inventory
-- Each day of a range, UTC. available: for each task of that day, recipients (before it starts: whom it would go to) times the zones of
-- its message. used: what is booked for it. $1 account, $2 first day, $3 last one
WITH day AS (
    SELECT generate_series($2::date, $3::date, interval '1 day')::date AS day
), sent AS (
    SELECT (task.scheduledtime AT TIME ZONE 'UTC')::date AS day,
           sum(coalesce(task.recipients, task.size) * coalesce((coalesce(version.content, message.content) ->> 'ad_zones')::bigint, 0))
               AS available
      FROM task
      JOIN message ON message.id = task.message_id
      LEFT JOIN message_version AS version ON version.message_id = task.message_id AND version.version = task.message_version
     WHERE task.account_id = $1 AND NOT task.cancelled AND task.scheduledtime >= $2::date AT TIME ZONE 'UTC'
       AND task.scheduledtime < ($3::date + 1) AT TIME ZONE 'UTC'
     GROUP BY 1
), booked AS (
    SELECT day.day, sum(ad_booking.impressions_per_day) AS used
      FROM day
      JOIN ad_booking ON ad_booking.account_id = $1 AND NOT ad_booking.removed AND day.day BETWEEN start_date AND end_date
     GROUP BY day.day
)
SELECT to_char(day.day, 'YYYYMMDD') AS day, coalesce(available, 0)::bigint AS available, coalesce(used, 0)::bigint AS used
  FROM day
  LEFT JOIN sent USING (day)
  LEFT JOIN booked USING (day)
 ORDER BY day;
