-- That a subscription is of a list and of a subscriber who are there is checked once a statement, no longer once a row: the two
-- foreign keys took two thirds of the time of an import. What they promised is promised still, under the same locks.
ALTER TABLE subscription
    DROP CONSTRAINT subscription_list_id_fkey,
    DROP CONSTRAINT subscription_subscriber_id_fkey;

CREATE FUNCTION check_subscriptions_added() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    me      xid := pg_current_xact_id()::xid;
    missing bigint;
    theirs  bigint;
BEGIN
    -- Whoever would remove one of them waits until the subscription is there to be seen.
    PERFORM FROM list WHERE id IN (SELECT DISTINCT list_id FROM added) ORDER BY id FOR KEY SHARE;
    SELECT list_id INTO missing FROM (SELECT DISTINCT list_id FROM added) AS named WHERE NOT EXISTS (SELECT FROM list WHERE id = list_id);
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = 'there is no list ' || missing, CONSTRAINT = 'subscription_list_id_fkey';
    END IF;
    -- Subscribers that this transaction made itself nobody else can see, let alone remove.
    SELECT count(*) FILTER (WHERE subscriber.xmin <> me), min(added.subscriber_id) FILTER (WHERE subscriber.id IS NULL)
      INTO theirs, missing
      FROM added
      LEFT JOIN subscriber ON subscriber.id = added.subscriber_id;
    IF theirs > 0 THEN
        PERFORM FROM subscriber WHERE id IN (SELECT subscriber_id FROM added) AND xmin <> me ORDER BY id FOR KEY SHARE;
        SELECT min(subscriber_id) INTO missing
          FROM added
         WHERE NOT EXISTS (SELECT FROM subscriber WHERE subscriber.id = added.subscriber_id);
    END IF;
    IF missing IS NOT NULL THEN
        RAISE foreign_key_violation
            USING MESSAGE = 'there is no subscriber ' || missing, CONSTRAINT = 'subscription_subscriber_id_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER subscriptions_added AFTER INSERT ON subscription
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_subscriptions_added();

-- Nobody gives a subscription to another.
CREATE FUNCTION refuse_subscription_moved() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE foreign_key_violation USING MESSAGE = 'a subscription keeps its list and its subscriber';
END $$;
CREATE TRIGGER subscription_moved BEFORE UPDATE OF list_id, subscriber_id ON subscription
    FOR EACH ROW WHEN (OLD.list_id <> NEW.list_id OR OLD.subscriber_id <> NEW.subscriber_id)
    EXECUTE FUNCTION refuse_subscription_moved();

-- Subscriptions go with their subscriber; a list goes after them.
CREATE FUNCTION remove_subscriptions_of_removed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM subscription USING removed WHERE subscription.subscriber_id = removed.id;
    RETURN NULL;
END $$;
CREATE TRIGGER subscribers_removed AFTER DELETE ON subscriber
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION remove_subscriptions_of_removed();

CREATE FUNCTION refuse_lists_in_use() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM removed WHERE EXISTS (SELECT FROM subscription WHERE subscription.list_id = removed.id)) THEN
        RAISE foreign_key_violation
            USING MESSAGE = 'there are subscriptions of the list', CONSTRAINT = 'subscription_list_id_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lists_removed AFTER DELETE ON list
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_lists_in_use();
