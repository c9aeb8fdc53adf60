-- end_reading_leases
-- Who read logs, planned sends and shared limits before is dead: nobody has to wait until its leases run out. The epochs
-- fence it as they would then. Batches are not among them: their journal says first who is in doubt.
WITH checkpoints AS (UPDATE checkpoint SET leased_until = '-infinity' WHERE owner IS NOT NULL),
     projections AS (UPDATE projection SET leased_until = '-infinity' WHERE owner IS NOT NULL),
     plans AS (UPDATE sending SET leased_until = '-infinity' WHERE NOT frozen AND owner IS NOT NULL)
DELETE FROM limit_share;
