-- What the services may do, applied after every migration. They connect as the owner's login and act as this role.
-- The logs are append-only by permission, not by habit: nobody but the owner can change or remove what was recorded.
DO $$
BEGIN
    CREATE ROLE postroom_service NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

GRANT USAGE ON SCHEMA public TO postroom_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO postroom_service;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO postroom_service;

REVOKE UPDATE, DELETE ON event, segment, message_version, idempotency, store FROM postroom_service;
REVOKE INSERT, UPDATE, DELETE ON migration FROM postroom_service;
