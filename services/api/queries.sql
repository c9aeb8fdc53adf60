-- find_key
-- $1 prefix
SELECT api_key.hash, api_key.account_id, api_key.user_id, account_user.role
  FROM api_key
  JOIN account_user ON account_user.id = api_key.user_id
 WHERE api_key.prefix = $1 AND NOT api_key.revoked;

-- find_account
-- $1 name
SELECT id, sailthru_secret, webhook_secret
  FROM account
 WHERE name = $1;

-- find_user
-- $1 account, $2 name
SELECT id, signupto_key, signupto_password
  FROM account_user
 WHERE account_id = $1 AND name = $2;

-- first_answer
-- $1 account, $2 method, $3 path, $4 key
SELECT body_hash, status, headers, body
  FROM idempotency
 WHERE account_id = $1 AND method = $2 AND path = $3 AND key = $4;

-- keep_answer
-- Its primary key is what makes a repeat lose, whichever process it came to.
-- $1 account, $2 method, $3 path, $4 key, $5 hash of the body, $6 status, $7 headers, $8 body,
-- $9 subscribers whose address it tells, or null
INSERT INTO idempotency (account_id, method, path, key, body_hash, status, headers, body, subscriber_ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- write_nothing
-- A commit that reaches the disk and leaves no row: whoever can do it can write.
SELECT pg_logical_emit_message(true, 'postroom', 'ready');

-- received_sms
-- What events of this kind leave to their rows; null once that has expired or its sender was erased. $1 ids
SELECT id, from_number, to_number, body FROM inbound_sms WHERE id = ANY ($1::bigint[]);

-- take_calls
-- One row a key: when all that was granted to it will have been worked off, and how much the last one who asked was granted. Never
-- more than fits between that and a burst from now; a row is locked for this statement alone.
-- $1 who, $2 calls wanted, at most a burst, $3 seconds each of them takes, $4 seconds of a burst.
-- Answers how many are granted, and how long until one more would be.
INSERT INTO call_pace AS paced (who, next_at, granted)
VALUES ($1, now() + $2::integer * $3::float8 * interval '1 second', $2)
ON CONFLICT (who) DO UPDATE
   SET (next_at, granted) = (
       SELECT since + taken * $3 * interval '1 second', taken
         FROM (SELECT greatest(paced.next_at, now()) AS since) AS used
        CROSS JOIN LATERAL (
              SELECT greatest(0, least($2, floor(($4::float8 - extract(epoch FROM since - now())) / $3)))::integer AS taken
              ) AS room)
RETURNING granted, greatest(0, extract(epoch FROM next_at - now()) - $4 + $3)::float8 AS wait_seconds;

-- forget_calls
-- Of keys that asked for nothing lately: they begin anew. $1 how many at once
DELETE FROM call_pace
 WHERE who IN (SELECT who FROM call_pace WHERE next_at < now() - interval '1 hour' LIMIT $1);
