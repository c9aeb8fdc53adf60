-- Files that jobs write, and bookings of advertising.

-- A file that a job writes to the object store. key: names it there and in its URL, and nobody can guess it. upload: by which it is
-- gone on with until it is finished. expires_at: null until then. removed: nothing of it is in the store any more.
CREATE TABLE export_file (
    key         text PRIMARY KEY,
    job_id      bigint      NOT NULL REFERENCES job (id),
    account_id  bigint      NOT NULL,
    upload      text        NOT NULL,
    filename    text        NOT NULL,
    expires_at  timestamptz,
    removed     boolean     NOT NULL DEFAULT false,
    cdate       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX export_file_kept ON export_file (expires_at) WHERE NOT removed;
CREATE INDEX export_file_of_job ON export_file (job_id) WHERE NOT removed;

-- A cell that a spreadsheet only shows: an apostrophe before what looks like a formula. A telephone number is none. As
-- shared/domain/csv_lines.py has it.
CREATE FUNCTION csv_cell(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN left(value, 1) IN ('=', '+', '-', '@', E'\t', E'\r', E'\n', '＝', '＋', '－', '＠') AND value !~ '^\+[0-9]+$' THEN '''' || value
                ELSE value
            END
$$;

-- As existing consumers join on it.
CREATE FUNCTION email_hash(address text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT md5(lower(btrim(address, E' \t\r\n'))) $$;

-- Fri, 20 May 2012 13:50:28 +0000
CREATE FUNCTION rfc2822(moment timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT to_char(moment AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS +0000') $$;

-- Bookings: so many impressions on each day from start_date to end_date, both included.
CREATE SEQUENCE booking_id;
CREATE TABLE ad_booking (
    id                   bigint PRIMARY KEY,
    account_id           bigint      NOT NULL,
    name                 text        NOT NULL,
    version              integer     NOT NULL,
    start_date           date        NOT NULL,
    end_date             date        NOT NULL,
    impressions_per_day  bigint      NOT NULL,
    cdate                timestamptz NOT NULL,
    removed              boolean     NOT NULL,
    CHECK (start_date <= end_date)
);
CREATE INDEX ad_booking_of_account ON ad_booking (account_id, id) WHERE NOT removed;

-- What was sent on the days of an inventory.
CREATE INDEX task_by_day ON task (account_id, scheduledtime) WHERE NOT cancelled;
