-- What the services may do, applied after every migration. They connect as the owner's login and act as this role.
-- The logs are append-only by permission, not by habit: nobody but the owner can change or remove what was recorded.
-- Beside it postroom_scaler, for whoever counts what waits and starts dispatchers accordingly. Where they are there already,
-- whoever migrates need not be allowed to make roles.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['postroom_service', 'postroom_scaler'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

-- Whoever migrates may act as the role: a superuser may anyway, another login only as a member.
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT postroom_service TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- the role was made by somebody else, who says who is a member
END $$;

GRANT USAGE ON SCHEMA public TO postroom_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO postroom_service;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO postroom_service;

REVOKE UPDATE, DELETE ON event, segment, message_version, idempotency, store, dkim_key FROM postroom_service;
REVOKE INSERT, UPDATE, DELETE ON migration FROM postroom_service;
-- But that an answer was given, and to what, stays when what it told of a person is erased.
GRANT UPDATE (body) ON idempotency TO postroom_service;

-- What is done with the rights of the owner, services alone may have done: Postgres lets anybody call a function.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT oid FROM pg_proc
                     WHERE prosecdef AND pronamespace = 'public'::regnamespace
                       AND proname IN ('merge_segments', 'look_at_store', 'confirm_store', 'ensure_task_partitions') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO postroom_service', function);
    END LOOP;
END $$;

-- No address stands in these.
GRANT USAGE ON SCHEMA public TO postroom_scaler;
GRANT SELECT ON batch, sending TO postroom_scaler;
GRANT SELECT (id, kind, ended, due_at, leased_until) ON job_work TO postroom_scaler;

-- Partitions are reached through their table alone, by its permissions; those made later have none of their own.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT oid FROM pg_class WHERE relispartition AND relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('REVOKE ALL ON %s FROM postroom_service', partition);
    END LOOP;
END $$;
