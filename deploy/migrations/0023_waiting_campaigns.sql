-- What the dispatchers ask every second, each by an index of its own: those that were held back, however many and however long their
-- time is past, are in neither.
DROP INDEX campaign_waiting;
CREATE INDEX campaign_waiting ON campaign (scheduled_at) WHERE state = 'SCHEDULED' AND NOT held_back AND NOT removed;
CREATE INDEX campaign_due ON campaign (scheduled_at, id) WHERE state = 'READY' AND NOT removed;
