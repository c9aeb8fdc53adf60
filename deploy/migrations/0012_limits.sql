-- Who may use how much of a limit that all dispatchers keep together: the sum over the living is never more than it.
-- name: the transport (email, sms), or domain:NAME. connections and rate (messages a second): null where not limited.
CREATE TABLE limit_share (
    name          text             NOT NULL,
    owner         bigint           NOT NULL,
    connections   integer,
    rate          double precision,
    leased_until  timestamptz      NOT NULL,
    PRIMARY KEY (name, owner)
);
