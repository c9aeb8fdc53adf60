-- find_signer
-- $1 account, $2 user
SELECT id, role, signupto_key FROM account_user WHERE account_id = $1 AND id = $2;

-- use_nonce
-- In one moment by the database's clock, which all replicas share: whether the date is near enough, and whether the nonce is
-- used for the first time. It is remembered for as long as a repeat of the request would have a date that is near enough.
-- $1 user, $2 nonce, $3 date of the request, $4 seconds it may be off
WITH clock AS (
    SELECT abs(extract(epoch FROM clock_timestamp())::float8 - $3::float8) <= $4::float8 AS near
), used AS (
    INSERT INTO signupto_nonce (user_id, nonce, expires_at)
    SELECT $1, $2, to_timestamp($3::float8 + $4::float8) FROM clock WHERE near
        ON CONFLICT (user_id, nonce) DO UPDATE SET expires_at = excluded.expires_at
     WHERE signupto_nonce.expires_at < clock_timestamp()
    RETURNING 1
)
SELECT near, EXISTS (SELECT FROM used) AS fresh FROM clock;

-- users_named
-- $1 names of accounts, $2 names of users
SELECT account_user.id, account_user.account_id, account_user.signupto_password
  FROM unnest($1::text[], $2::text[]) AS asked (account_name, user_name)
  JOIN account ON account.name = asked.account_name
  JOIN account_user ON account_user.account_id = account.id AND account_user.name = asked.user_name;

-- keep_token
-- $1 hash, $2 user, $3 seconds it lasts
INSERT INTO signupto_token (hash, user_id, expires_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8))
RETURNING extract(epoch FROM expires_at)::float8;

-- find_token
-- $1 hash
SELECT account_user.account_id, account_user.id, account_user.role
  FROM signupto_token
  JOIN account_user ON account_user.id = signupto_token.user_id
 WHERE signupto_token.hash = $1 AND expires_at > clock_timestamp();

-- forget_nonces
-- A bounded number at once, so that no transaction is long. $1 limit
DELETE FROM signupto_nonce
 WHERE (user_id, nonce) IN (SELECT user_id, nonce FROM signupto_nonce WHERE expires_at < clock_timestamp() LIMIT $1);

-- forget_tokens
-- $1 limit
DELETE FROM signupto_token
 WHERE hash IN (SELECT hash FROM signupto_token WHERE expires_at < clock_timestamp() LIMIT $1);
