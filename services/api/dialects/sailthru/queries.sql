-- sailthru_secret
-- $1 account
SELECT id, sailthru_secret FROM account WHERE id = $1;

-- count_call
-- One row an account and call, begun anew each minute of the database's clock. Answers how many there were in this one, and how
-- long it still lasts. $1 account, $2 call
INSERT INTO call_count AS counted (account_id, call, minute, calls)
VALUES ($1, $2, date_trunc('minute', clock_timestamp()), 1)
ON CONFLICT (account_id, call) DO UPDATE
   SET minute = excluded.minute, calls = CASE WHEN counted.minute = excluded.minute THEN counted.calls + 1 ELSE 1 END
RETURNING calls, extract(epoch FROM minute + interval '1 minute')::bigint AS ends,
          extract(epoch FROM minute + interval '1 minute' - clock_timestamp())::float8 AS seconds_left;
