-- lists_there
-- $1 accounts, $2 ids, one pair a list
SELECT list.account_id, list.id
  FROM unnest($1::bigint[], $2::bigint[]) AS named (account_id, id)
  JOIN list ON list.account_id = named.account_id AND list.id = named.id;

-- domains_there
-- bouncing: whether bounces come to it, as far as DNS shows if that is asked: its MX record, and the key by which it is the
-- account's. $1 accounts, $2 ids, $3 whether only what DNS shows counts
SELECT domain.account_id, domain.id,
       domain.bouncing AND (NOT $3::boolean OR domain.found @> '{dkim-rsa,mx}') AS bouncing
  FROM unnest($1::bigint[], $2::bigint[]) AS named (account_id, id)
  JOIN sending_domain AS domain ON domain.account_id = named.account_id AND domain.id = named.id AND NOT domain.removed;

-- segments_there
-- $1 accounts, $2 ids
SELECT saved_search.account_id, saved_search.id, saved_search.list_id
  FROM unnest($1::bigint[], $2::bigint[]) AS named (account_id, id)
  JOIN saved_search ON saved_search.account_id = named.account_id AND saved_search.id = named.id AND NOT saved_search.removed;

-- messages_there
-- $1 accounts, $2 ids
SELECT message.account_id, message.id, message.channel
  FROM unnest($1::bigint[], $2::bigint[]) AS named (account_id, id)
  JOIN message ON message.account_id = named.account_id AND message.id = named.id AND NOT message.removed;
