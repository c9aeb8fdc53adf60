-- lines_of_calls
-- Where the callbacks of each campaign stand; those that need somebody first. $1 account, $2 the user whose campaigns alone are
-- seen, or null, $3 whether of those alone that are given up, $4 limit
SELECT campaign.id, campaign.name, line.state, line.failures, latest.last_status, latest.last_error, waiting.windows AS waiting,
       CASE WHEN line.state = 'open' AND line.due_at < 'infinity' THEN extract(epoch FROM line.due_at)::float8 END AS due_at
  FROM callback_line AS line
  JOIN campaign ON campaign.id = line.campaign_id
 CROSS JOIN LATERAL (SELECT count(*) AS windows
                       FROM callback_window AS w
                      WHERE w.campaign_id = line.campaign_id AND w.state = 'waiting') AS waiting
  LEFT JOIN LATERAL (SELECT last_status, last_error
                       FROM callback_window AS w
                      WHERE w.campaign_id = line.campaign_id AND w.state = 'waiting'
                      ORDER BY number
                      LIMIT 1) AS latest ON true
 WHERE line.account_id = $1 AND ($2::bigint IS NULL OR campaign.user_id = $2) AND NOT campaign.removed
   AND (NOT $3::boolean OR line.state <> 'open')
 ORDER BY line.state = 'open', line.failures = 0, campaign.id DESC
 LIMIT $4;

-- first_window
-- Where to begin to look at the calls of a campaign: at the first that waits, or so many before the last. $1 campaign, $2 how many
SELECT least((SELECT min(number) FROM callback_window WHERE campaign_id = $1 AND state = 'waiting'),
             (SELECT min(number)
                FROM (SELECT number FROM callback_window WHERE campaign_id = $1 ORDER BY number DESC LIMIT $2) AS latest));

-- parked_notices
-- Single messages that nobody took, or that may have been taken and nobody said so. $1 account, $2 the user whose notices alone
-- are seen, or null, $3 id of the last one of the page before, $4 limit
SELECT id, purpose, channel, state, reason, attempt, extract(epoch FROM cdate)::float8 AS cdate
  FROM notice
 WHERE account_id = $1 AND ($2::bigint IS NULL OR user_id = $2) AND state IN ('failed', 'in_doubt') AND id < $3
 ORDER BY id DESC
 LIMIT $4;

-- postbacks_given_up
-- $1 account, $2 the kinds of jobs that may not be seen, $3 limit
SELECT job.job_id, job.name, postback.reason, postback.attempt, extract(epoch FROM postback.cdate)::float8 AS cdate
  FROM postback
  JOIN job ON job.id = postback.job_id
 WHERE postback.account_id = $1 AND postback.state = 'given_up' AND job.kind <> ALL ($2::text[])
 ORDER BY postback.job_id DESC
 LIMIT $3;

-- names_of_users
-- $1 account
SELECT id, name FROM account_user WHERE account_id = $1;
