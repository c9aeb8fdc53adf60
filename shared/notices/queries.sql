-- add_notice
-- The same origin a second time adds nothing. $1 id or null, $2 account, $3 user, $4 subscriber, $5 channel, $6 purpose,
-- $7 origin, $8 sender, $9 address, $10 content, $11 seconds until it expires, $12 whose values it shows
INSERT INTO notice (id, account_id, user_id, subscriber_id, channel, purpose, origin, sender, address, content, expires_at, sample_id)
VALUES (coalesce($1::bigint, nextval('notice_id')), $2, $3, $4, $5, $6, $7, $8, $9, $10,
        clock_timestamp() + $11 * interval '1 second', $12)
    ON CONFLICT (account_id, origin) DO NOTHING;
