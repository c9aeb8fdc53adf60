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
