-- Whoever is held in doubt, in whatever task: few rows, looked for by every scrape of the metrics. 13: HELD of
-- shared/domain/delivery.py.
CREATE INDEX ordinal_set_held ON ordinal_set (task_id, chunk) WHERE kind = 13 AND link = 0 AND cardinality > 0;
