-- accounts_of_tasks
-- $1 tasks
SELECT id, account_id FROM task WHERE id = ANY ($1::bigint[]);

-- people_of_task
-- Whom these numbers stand for, and what their own house calls them. $1 task, $2 ordinals
SELECT ordinal, subscriber_id, external_id
  FROM contact_record
  LEFT JOIN subscriber ON subscriber.id = subscriber_id
 WHERE task_id = $1 AND ordinal = ANY ($2::integer[]);

-- deliveries_reached
-- How far the bus has heard of each shard.
SELECT shard, store_epoch, xid::text::bigint AS xid, position FROM delivery_reached;

-- advance_deliveries
-- The fence: who does not stand where he read from moves nothing.
-- $1 shards, $2 to $4 store epochs, xids and positions read from, $5 to $7 reached
UPDATE delivery_reached
   SET store_epoch = reached.store_epoch, xid = reached.xid::xid8, position = reached.position
  FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::bigint[])
       AS reached (shard, from_store_epoch, from_xid, from_position, store_epoch, xid, position)
 WHERE delivery_reached.shard = reached.shard
   AND (delivery_reached.store_epoch, delivery_reached.xid, delivery_reached.position)
     = (reached.from_store_epoch, reached.from_xid::xid8, reached.from_position);
