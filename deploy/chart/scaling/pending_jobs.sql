-- How many jobs are due: those that wait, and those that are worked at, so that nobody is taken away from under one.
-- Counted up to 10,000.
SELECT count(*)
  FROM (SELECT FROM job_work WHERE NOT ended AND due_at <= clock_timestamp() LIMIT 10000) AS pending
