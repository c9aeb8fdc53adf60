-- Which server and which history of it the store believes to be in, so that it notices when that has changed: another server
-- (a dump was restored), a new timeline of this one (a standby was promoted, or a backup was played back). alive_at: when a
-- dispatcher last saw it; lost_from: what was committed after it, before the last change, may be missing; opens_at: nothing is
-- claimed before; held_since, held_why: nothing is claimed until somebody confirms.
ALTER TABLE store
    ADD COLUMN system_identifier  bigint,
    ADD COLUMN timeline           integer,
    ADD COLUMN alive_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN lost_from          timestamptz,
    ADD COLUMN opens_at           timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN held_since         timestamptz,
    ADD COLUMN held_why           text;

-- Both by what this server can tell: one that cannot is taken for the one it always was, and its operator raises the epoch by hand.
DO $$
DECLARE
    timeline text := $t$('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer$t$;
    identity text := $t$(SELECT system_identifier FROM pg_control_system())$t$;
BEGIN
    BEGIN
        EXECUTE 'SELECT ' || timeline;
    EXCEPTION WHEN feature_not_supported OR undefined_function OR insufficient_privilege THEN
        timeline := '0';
    END;
    BEGIN
        EXECUTE 'SELECT ' || identity;
    EXCEPTION WHEN feature_not_supported OR undefined_function OR insufficient_privilege THEN
        identity := '0::bigint';
    END;
    EXECUTE format($f$
        CREATE FUNCTION server_timeline() RETURNS integer LANGUAGE sql STABLE
            AS 'SELECT CASE WHEN NOT pg_is_in_recovery() THEN %1$s END'
    $f$, replace(timeline, '''', ''''''));
    EXECUTE format($f$
        CREATE FUNCTION server_identity() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT %1$s'
    $f$, identity);
    -- On a new timeline whatever is appended sorts behind all that was read before, also before anybody has noticed.
    EXECUTE format($f$
        CREATE OR REPLACE FUNCTION store_epoch() RETURNS integer LANGUAGE sql STABLE
            AS 'SELECT store_epoch
                       + coalesce(timeline <> CASE WHEN NOT pg_is_in_recovery() THEN %1$s END, false)::integer
                  FROM store'
    $f$, replace(timeline, '''', ''''''));
END $$;

UPDATE store SET system_identifier = server_identity(), timeline = server_timeline();

-- Whether anything may be claimed: asked in the statement that claims, so that no process is early.
CREATE FUNCTION store_is_open() RETURNS boolean
    LANGUAGE sql STABLE
AS $$
    SELECT held_since IS NULL AND opens_at <= clock_timestamp()
           AND timeline = server_timeline() AND system_identifier = server_identity()
      FROM store
$$;

-- No batch is claimed by a number that is not above it: a store that has lost claims knows not which numbers they had, and a
-- claim of the history after it must never pass for one that a journal speaks of.
CREATE FUNCTION epoch_floor() RETURNS integer
    LANGUAGE sql STABLE
AS 'SELECT (store_epoch() - 1) << 16';

-- Notices what has changed, once: raises the epoch, closes the store for the seconds that all processes need to bring in what
-- they know, and holds it where it may have lost more than the last commits. seen_epoch, seen_alive: what this process
-- remembers of the store, null: nothing. grace, longest: seconds; what was not seen for longer than that counts as brought back.
CREATE FUNCTION look_at_store(seen_epoch integer, seen_alive timestamptz, grace double precision, longest double precision)
    RETURNS store
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    found   store;
    moved   boolean;
    why     text;
BEGIN
    SELECT * INTO found FROM store;
    moved := found.timeline <> server_timeline();
    why := CASE
        WHEN found.system_identifier <> server_identity() THEN 'the database is on another server than before'
        WHEN moved AND found.alive_at < clock_timestamp() - longest * interval '1 second'
        THEN 'the database was brought back to ' || to_char(found.alive_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
        WHEN NOT moved AND (found.store_epoch < seen_epoch
                            OR found.store_epoch = seen_epoch AND found.alive_at < seen_alive - interval '2 seconds')
        THEN 'the database has gone back to ' || to_char(found.alive_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
    END;
    IF moved OR why IS NOT NULL THEN
        UPDATE store
           SET store_epoch = greatest(store.store_epoch, seen_epoch) + 1,
               system_identifier = server_identity(), timeline = server_timeline(),
               lost_from = found.alive_at, alive_at = clock_timestamp(), opens_at = clock_timestamp() + grace * interval '1 second',
               held_since = CASE WHEN why IS NULL THEN store.held_since ELSE clock_timestamp() END,
               held_why = coalesce(why, store.held_why)
         WHERE (store.store_epoch, store.alive_at) = (found.store_epoch, found.alive_at);
    ELSIF found.alive_at < clock_timestamp() - interval '5 seconds' THEN
        UPDATE store SET alive_at = clock_timestamp() WHERE alive_at < clock_timestamp() - interval '5 seconds';
    END IF;
    SELECT * INTO found FROM store;
    RETURN found;
END $$;

-- Somebody says that a store that was brought back may go on. Answers whether it was held.
CREATE FUNCTION confirm_store() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
    UPDATE store SET held_since = NULL, held_why = NULL WHERE held_since IS NOT NULL;
    RETURN FOUND;
END $$;
