-- pieces_naming
-- Lines of jobs, as octets: they may be no text. $1 account, $2 addresses in lower case
SELECT job_id, piece
  FROM job_input
  JOIN job_work ON job_work.id = job_input.job_id
 WHERE job_work.account_id = $1 AND NOT ended
   AND EXISTS (SELECT
                 FROM unnest($2::text[]) AS told (address)
                WHERE position(encode(convert_to(address, 'UTF8'), 'escape') IN lower(encode(data, 'escape'))) > 0);

-- jobs_naming
-- $1 account, $2 addresses in lower case
SELECT id
  FROM job_work
 WHERE account_id = $1
   AND EXISTS (SELECT
                 FROM unnest($2::text[]) AS told (address)
                WHERE position(address IN lower(params::text)) > 0 OR position(address IN lower(result::text)) > 0);

-- lock_piece
-- $1 job, $2 piece
SELECT data FROM job_input WHERE job_id = $1 AND piece = $2 FOR UPDATE;

-- blank_piece
-- $1 job, $2 piece, $3 what is left of it
UPDATE job_input SET data = $3 WHERE job_id = $1 AND piece = $2;

-- lock_job
-- $1 job
SELECT params, result FROM job_work WHERE id = $1 FOR NO KEY UPDATE;

-- blank_job
-- $1 job, $2 params, $3 result
UPDATE job_work SET params = $2, result = $3 WHERE id = $1;

-- blank_reports
-- Nobody is left to report to. $1 account, $2 addresses in lower case
UPDATE job_work SET report_email = NULL WHERE account_id = $1 AND lower(report_email) = ANY ($2::text[]);

-- note_erased_addresses
-- While there is a job that is not done. $1 account, $2 hashes, $3 now
INSERT INTO erased_address (account_id, hash, erased_at)
SELECT DISTINCT $1::bigint, hash, to_timestamp($3)
  FROM unnest($2::bytea[]) AS gone (hash)
 WHERE EXISTS (SELECT FROM job_work WHERE account_id = $1 AND NOT ended)
    ON CONFLICT (account_id, hash) DO UPDATE SET erased_at = excluded.erased_at;
