-- lock_limits
-- Those who renew shares of the same limits wait for each other, so that two newcomers cannot take the same part. Until the
-- transaction ends. $1 names, in order
SELECT pg_advisory_xact_lock(hashtextextended('limit ' || name, 0)) FROM unnest($1::text[]) AS name;

-- shares_of_others
-- Of those who live, by the clock of the database. $1 names, $2 owner
SELECT name, owner, connections, rate
  FROM limit_share
 WHERE name = ANY ($1::text[]) AND owner <> $2 AND leased_until > clock_timestamp();

-- write_shares
-- $1 names, $2 owner, $3 connections, $4 rates, $5 lease seconds
INSERT INTO limit_share (name, owner, connections, rate, leased_until)
SELECT name, $2, connections, rate, clock_timestamp() + $5 * interval '1 second'
  FROM unnest($1::text[], $3::integer[], $4::float8[]) AS share (name, connections, rate)
ON CONFLICT (name, owner)
DO UPDATE SET connections = excluded.connections, rate = excluded.rate, leased_until = excluded.leased_until;

-- release_shares
-- Mine, and those of processes that are long gone. $1 owner
DELETE FROM limit_share WHERE owner = $1 OR leased_until < clock_timestamp() - interval '1 hour';
