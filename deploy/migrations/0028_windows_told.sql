-- Until when, in each shard, windows of callbacks were told: what comes to the log later than its window belongs to the next one, so that
-- nobody is named twice in one (services/tracker/callbacks/cut_windows.py).
ALTER TABLE callback_reached ADD COLUMN told_until timestamptz NOT NULL DEFAULT to_timestamp(0);
