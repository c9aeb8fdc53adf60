-- read_account
-- $1 account
SELECT id, name, extract(epoch FROM cdate)::float8 AS cdate FROM account WHERE id = $1;

-- account_secrets
-- Sealed. $1 account
SELECT id, webhook_secret FROM account WHERE id = $1;
