-- read_export
-- Whole and not expired, by the clock of the database. $1 key
SELECT filename
  FROM export_file
 WHERE key = $1 AND expires_at > clock_timestamp() AND NOT removed;
