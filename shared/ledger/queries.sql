-- open_balance
-- So that there is a row to lock. $1 account
INSERT INTO balance (account_id) VALUES ($1) ON CONFLICT DO NOTHING;

-- lock_balance
-- No row: the account was never metered. $1 account
SELECT version, credit, quota, overage, charged FROM balance WHERE account_id = $1 FOR UPDATE;

-- read_balance
-- $1 account
SELECT credit, quota, overage, charged FROM balance WHERE account_id = $1;

-- write_balance
-- $1 account, $2 version, $3 credit, $4 quota, $5 overage, $6 charged
INSERT INTO balance (account_id, version, credit, quota, overage, charged)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id) DO UPDATE
   SET version = excluded.version, credit = excluded.credit, quota = excluded.quota, overage = excluded.overage,
       charged = excluded.charged;

-- charges_of
-- $1 task, $2 chunks
SELECT units, chunk, bits FROM charge WHERE task_id = $1 AND chunk = ANY ($2::integer[]);

-- write_charges
-- $1 shard, $2 task, $3 units, $4 chunks, $5 bits, $6 their cardinality
INSERT INTO charge (shard, task_id, units, chunk, bits, cardinality)
SELECT $1, $2, * FROM unnest($3::smallint[], $4::integer[], $5::bytea[], $6::integer[])
ON CONFLICT (task_id, units, chunk) DO UPDATE
   SET bits = excluded.bits, cardinality = excluded.cardinality;
