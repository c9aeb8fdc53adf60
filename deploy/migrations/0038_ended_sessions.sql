-- Sessions of the console that somebody signed out of before their time was over: a cookie that was copied meanwhile opens
-- nothing any more, on any replica. Kept until the session would have ended by itself. name: a hash of what is secret in it.
CREATE TABLE ended_session (
    name     bytea       PRIMARY KEY,
    ends_at  timestamptz NOT NULL
);
CREATE INDEX ended_session_over ON ended_session (ends_at);
