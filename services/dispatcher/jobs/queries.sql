-- claim_job
-- The job that has waited longest, for this process alone while the lease lasts. $1 owner, $2 lease seconds, $3 kinds
WITH due AS (
    SELECT id
      FROM job_work
     WHERE NOT ended AND due_at <= clock_timestamp() AND leased_until < clock_timestamp() AND kind = ANY ($3::text[])
       AND (SELECT store_is_open())
     ORDER BY due_at, id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
)
UPDATE job_work
   SET owner = $1, epoch = job_work.epoch + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
  FROM due
 WHERE job_work.id = due.id
RETURNING job_work.id, account_id, user_id, kind, params, job_cursor, rows, rows_failed, result, failures, epoch;

-- renew_job
-- No row: somebody else may have it. $1 job, $2 epoch, $3 owner, $4 lease seconds
UPDATE job_work
   SET leased_until = clock_timestamp() + $4 * interval '1 second'
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND NOT ended AND leased_until > clock_timestamp();

-- fence_job
-- First of all in the transaction of a chunk: until it ends nobody takes the job over. $1 job, $2 epoch, $3 owner
SELECT true
  FROM job_work
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND NOT ended AND leased_until > clock_timestamp()
   FOR NO KEY UPDATE;

-- move_job
-- The checkpoint, in the transaction of the chunk. Of the errors the first $9 are kept. $1 job, $2 epoch, $3 cursor, $4 progress,
-- $5 rows read, $6 of these failed, $7 errors, $8 what is told besides, $9 most errors, $10 lease seconds
UPDATE job_work
   SET job_cursor = $3, progress = $4, rows = rows + $5, rows_failed = rows_failed + $6,
       errors = CASE WHEN jsonb_array_length(errors) >= $9::integer OR $7::jsonb = '[]' THEN errors
                     ELSE (SELECT jsonb_agg(each ORDER BY place)
                             FROM jsonb_array_elements(errors || $7::jsonb) WITH ORDINALITY AS told (each, place)
                            WHERE place <= $9::integer)
                END,
       result = result || $8::jsonb, failures = 0,
       leased_until = clock_timestamp() + $10 * interval '1 second'
 WHERE id = $1 AND epoch = $2;

-- give_back_job
-- To whoever comes next, the longest waiting first. $1 job, $2 epoch, $3 owner, $4 seconds until then, $5 failures more
UPDATE job_work
   SET owner = NULL, leased_until = '-infinity', due_at = clock_timestamp() + $4 * interval '1 second', failures = failures + $5
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND NOT ended;

-- others_wait
-- Whether there is a job that nobody is at. $1 kinds
SELECT EXISTS (SELECT
                 FROM job_work
                WHERE NOT ended AND due_at <= clock_timestamp() AND leased_until < clock_timestamp() AND kind = ANY ($1::text[]));

-- job_to_end
-- What is told of it when it ends. $1 job
SELECT progress, rows, rows_failed, errors, result, report_email, postback_url, sealed_key, sailthru_secret
  FROM job_work
  JOIN account ON account.id = job_work.account_id
 WHERE job_work.id = $1;

-- end_job
-- In the transaction of the event: who was to be told, and what held addresses, is gone. $1 job, $2 result
UPDATE job_work
   SET ended = true, result = $2, owner = NULL, leased_until = '-infinity', report_email = NULL, postback_url = NULL,
       sealed_key = NULL, params = params - 'url'
 WHERE id = $1;

-- drop_input
-- $1 job
DELETE FROM job_input WHERE job_id = $1;

-- forget_erased
-- What no other job that was posted before could bring back. $1 account, $2 job that ends
DELETE FROM erased_address
 WHERE account_id = $1
   AND NOT EXISTS (SELECT
                     FROM job_work
                     JOIN job ON job.id = job_work.id
                    WHERE job_work.account_id = $1 AND NOT ended AND job.id <> $2 AND job.cdate <= erased_at);

-- add_postback
-- $1 job, $2 account, $3 url, $4 body, sealed
INSERT INTO postback (job_id, account_id, url, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- read_piece
-- With how many there are. $1 job, $2 number
SELECT first_line, data, (SELECT max(piece) + 1 FROM job_input WHERE job_id = $1) AS pieces
  FROM job_input
 WHERE job_id = $1 AND piece = $2;

-- drop_pieces
-- What an attempt to fetch them has left. $1 job
DELETE FROM job_input WHERE job_id = $1;

-- add_piece
-- Of whoever holds the job. $1 job, $2 epoch, $3 owner, $4 number, $5 first line, $6 lines
INSERT INTO job_input (job_id, piece, first_line, data)
SELECT id, $4, $5, $6
  FROM job_work
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND NOT ended AND leased_until > clock_timestamp();

-- lists_by_name
-- $1 account, $2 names
SELECT name, id FROM list WHERE account_id = $1 AND name = ANY ($2::text[]);

-- claim_postback
-- One that is due, of an account that no other is being made for. $1 owner, $2 lease seconds
WITH due AS (
    SELECT job_id
      FROM postback
     WHERE state = 'waiting' AND due_at <= clock_timestamp() AND leased_until < clock_timestamp()
       AND (SELECT store_is_open()) AND NOT EXISTS (SELECT
                         FROM postback AS other
                        WHERE other.account_id = postback.account_id AND other.state = 'waiting'
                          AND other.leased_until >= clock_timestamp())
     ORDER BY due_at, job_id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
)
UPDATE postback
   SET owner = $1, epoch = postback.epoch + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
  FROM due
 WHERE postback.job_id = due.job_id
RETURNING postback.job_id, postback.epoch, postback.url, postback.body, postback.attempt,
          extract(epoch FROM clock_timestamp() - postback.cdate)::float8 AS age;

-- conclude_postback
-- What became of an attempt. What is not sent any more is forgotten. $1 job, $2 epoch, $3 state, $4 reason, $5 pause seconds
UPDATE postback
   SET state = $3, reason = $4, attempt = attempt + 1, due_at = clock_timestamp() + $5 * interval '1 second',
       owner = NULL, leased_until = '-infinity',
       url = CASE WHEN $3 = 'waiting' THEN url END, body = CASE WHEN $3 = 'waiting' THEN body END
 WHERE job_id = $1 AND epoch = $2 AND state = 'waiting';
