-- end_session
-- $1 name, $2 when its cookie is refused for its age, in unix seconds
INSERT INTO ended_session (name, ends_at) VALUES ($1, to_timestamp($2)) ON CONFLICT DO NOTHING;

-- session_ended
-- $1 name
SELECT EXISTS (SELECT FROM ended_session WHERE name = $1);

-- forget_over
-- An hour later than need be, for clocks that differ. $1 limit
DELETE FROM ended_session
 WHERE name IN (SELECT name FROM ended_session WHERE ends_at < clock_timestamp() - interval '1 hour' ORDER BY ends_at LIMIT $1);
