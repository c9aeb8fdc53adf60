-- name_taken
-- $1 account, $2 name
SELECT EXISTS (SELECT FROM sending_domain WHERE account_id = $1 AND name = $2 AND NOT removed);

-- read_domain
-- $1 account, $2 domain
SELECT id, account_id, name, bouncing, algorithm, selector, rsa_public_key, ed25519_public_key, found,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM sending_domain
 WHERE account_id = $1 AND id = $2 AND NOT removed;

-- domain_page
-- $1 account, $2 last id of the page before, $3 limit
SELECT id, account_id, name, bouncing, algorithm, selector, rsa_public_key, ed25519_public_key, found,
       extract(epoch FROM cdate)::float8 AS cdate
  FROM sending_domain
 WHERE account_id = $1 AND id > $2 AND NOT removed
 ORDER BY id
 LIMIT $3;

-- domain_total
-- $1 account
SELECT count(*) FROM sending_domain WHERE account_id = $1 AND NOT removed;

-- is_verified
-- $1 account, $2 name
SELECT EXISTS (SELECT FROM sending_domain WHERE account_id = $1 AND name = $2 AND NOT removed AND 'dkim-rsa' = ANY (found));

-- from_of_message
-- The From address of an email of the account; null of another. $1 account, $2 message
SELECT content ->> 'from_email' FROM message WHERE account_id = $1 AND id = $2 AND channel = 'email';

-- look_soon
-- $1 domain
UPDATE sending_domain SET look_at = now() WHERE id = $1;

-- claim_looks
-- The domains whose turn it is to be looked up, by the clock of the database, each for one process: whoever takes it says when it
-- is its turn again. $1 limit, $2 seconds for which a domain is new, $3 pause of a new one, $4 of another, $5 of one that was verified
UPDATE sending_domain
   SET look_at = clock_timestamp() + interval '1 second' * CASE
           WHEN cdate > clock_timestamp() - $2 * interval '1 second' THEN $3::float8
           WHEN 'dkim-rsa' = ANY (found) THEN $5::float8
           ELSE $4::float8
       END
  FROM (SELECT id
          FROM sending_domain
         WHERE NOT removed AND look_at <= clock_timestamp()
         ORDER BY look_at
         LIMIT $1
           FOR UPDATE SKIP LOCKED) AS due
 WHERE sending_domain.id = due.id
RETURNING sending_domain.id, account_id, name, bouncing, algorithm, selector, rsa_public_key, ed25519_public_key, found,
          extract(epoch FROM cdate)::float8 AS cdate;
