-- read_booking
-- $1 account, $2 booking
SELECT id, name, to_char(start_date, 'YYYYMMDD') AS start_date, to_char(end_date, 'YYYYMMDD') AS end_date, impressions_per_day,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM ad_booking
 WHERE account_id = $1 AND id = $2 AND NOT removed;

-- booking_page
-- $1 account, $2 last id of the page before, $3 limit
SELECT id, name, to_char(start_date, 'YYYYMMDD') AS start_date, to_char(end_date, 'YYYYMMDD') AS end_date, impressions_per_day,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM ad_booking
 WHERE account_id = $1 AND id > $2 AND NOT removed
 ORDER BY id
 LIMIT $3;

-- booking_total
-- $1 account
SELECT count(*) FROM ad_booking WHERE account_id = $1 AND NOT removed;
