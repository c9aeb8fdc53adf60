-- add_job_work
-- $1 job, $2 account, $3 user, $4 kind, $5 params, $6 report to, $7 postback to, $8 key, sealed, $9 what is told from the beginning
INSERT INTO job_work (id, account_id, user_id, kind, params, report_email, postback_url, sealed_key, result)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- add_input
-- $1 job, $2 piece, $3 its first line, $4 the lines
INSERT INTO job_input (job_id, piece, first_line, data) VALUES ($1, $2, $3, $4);

-- read_job
-- $1 account, $2 job, $3 what callers know it by
SELECT job.job_id, job.kind, job.name, job.status, job.reason, extract(epoch FROM job.started_at)::float8 AS started_at,
       extract(epoch FROM job.ended_at)::float8 AS ended_at, progress, rows, rows_failed, errors, result
  FROM job
  JOIN job_work ON job_work.id = job.id
 WHERE job.account_id = $1 AND job.id = $2 AND job.job_id = $3;

-- newest_jobs
-- $1 account, $2 the kinds to leave out, $3 number of the last one of the page before, $4 limit
SELECT job.id, job.job_id, job.name, job.status, job.reason, extract(epoch FROM job.started_at)::float8 AS started_at,
       extract(epoch FROM job.ended_at)::float8 AS ended_at, progress, rows, rows_failed, errors, result
  FROM job
  JOIN job_work ON job_work.id = job.id
 WHERE job.account_id = $1 AND job.kind <> ALL ($2::text[]) AND job.id < $3
 ORDER BY job.id DESC
 LIMIT $4;

-- lists_known
-- $1 account, $2 names
SELECT name FROM list WHERE account_id = $1 AND name = ANY ($2::text[]);

-- campaigns_known
-- $1 account, $2 ids
SELECT id FROM campaign WHERE account_id = $1 AND id = ANY ($2::bigint[]) AND NOT removed;
