-- write_account
-- The secrets are written once, beside the first event, and not touched again. $1 id, $2 name, $3 version, $4 cdate, $5 sailthru secret, $6 webhook secret
INSERT INTO account (id, name, version, cdate, sailthru_secret, webhook_secret)
VALUES ($1, $2, $3, to_timestamp($4), $5, $6);

-- write_user
-- $1 id, $2 account, $3 name, $4 role, $5 cdate, $6 signupto key, $7 signupto password
INSERT INTO account_user (id, account_id, name, role, cdate, signupto_key, signupto_password)
VALUES ($1, $2, $3, $4, to_timestamp($5), $6, $7);

-- write_key
-- $1 id, $2 account, $3 user, $4 name, $5 prefix, $6 hash, $7 cdate
INSERT INTO api_key (id, account_id, user_id, name, prefix, hash, cdate)
VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7));

-- revoke_key
-- The row stays: it says whose key this was. $1 id
UPDATE api_key SET revoked = true WHERE id = $1;

-- set_account_version
-- $1 id, $2 version
UPDATE account SET version = $2 WHERE id = $1;

-- write_domain
-- When DNS is looked at next is not for the events to say. $1 id, $2 account, $3 name, $4 version, $5 cdate, $6 bouncing, $7 algorithm, $8 selector, $9 rsa public key,
-- $10 ed25519 public key, $11 found, $12 removed
INSERT INTO sending_domain (id, account_id, name, version, cdate, bouncing, algorithm, selector, rsa_public_key,
                            ed25519_public_key, found, removed)
VALUES ($1, $2, $3, $4, to_timestamp($5), $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, bouncing = excluded.bouncing, algorithm = excluded.algorithm, found = excluded.found,
       removed = excluded.removed;

-- write_dkim_key
-- Once, beside the event that adds the domain. $1 id, $2 domain, $3 algorithm, $4 selector, $5 private key, sealed
INSERT INTO dkim_key (id, domain_id, algorithm, selector, private_key)
VALUES ($1, $2, $3, $4, $5);

-- write_booking
-- $1 id, $2 account, $3 name, $4 version, $5 start date, $6 end date, $7 impressions a day, $8 cdate, $9 removed
INSERT INTO ad_booking (id, account_id, name, version, start_date, end_date, impressions_per_day, cdate, removed)
VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8), $9)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, version = excluded.version, start_date = excluded.start_date, end_date = excluded.end_date,
       impressions_per_day = excluded.impressions_per_day, removed = excluded.removed;

-- write_campaign
-- The whole row from the whole state. What is fixed at creation is not written again.
-- $1 id, $2 account, $3 user, $4 version, $5 name, $6 state, $7 list, $8 domain, $9 segments, $10 when, $11 event callback, $12 payloads,
-- $13 tasks, $14 held back, $15 error, $16 cdate, $17 removed
INSERT INTO campaign (id, account_id, user_id, version, name, state, list_id, domain_id, segments, scheduled_at, event_callback,
                      payloads, tasks, held_back, error, cdate, removed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10), $11, $12, $13, $14, $15, to_timestamp($16), $17)
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, name = excluded.name, state = excluded.state, domain_id = excluded.domain_id,
       segments = excluded.segments, scheduled_at = excluded.scheduled_at, event_callback = excluded.event_callback,
       payloads = excluded.payloads, tasks = excluded.tasks, held_back = excluded.held_back, error = excluded.error,
       removed = excluded.removed;

-- write_list
-- $1 id, $2 account, $3 name, $4 version, $5 cdate, $6 mdate
INSERT INTO list (id, account_id, name, version, cdate, mdate)
VALUES ($1, $2, $3, $4, to_timestamp($5), to_timestamp($6))
ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, mdate = excluded.mdate;

-- remove_list
-- With whoever was added since it was emptied. $1 id
DELETE FROM list WHERE id = $1;

-- write_job
-- $1 id, $2 account, $3 its name to callers, $4 kind, $5 title, $6 version, $7 status, $8 reason, $9 cdate, $10 start, $11 end
INSERT INTO job (id, account_id, job_id, kind, name, version, status, reason, cdate, started_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9), to_timestamp($10), to_timestamp($11))
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, status = excluded.status, reason = excluded.reason, started_at = excluded.started_at,
       ended_at = excluded.ended_at;

-- write_message
-- $1 id, $2 account, $3 user, $4 channel, $5 name, $6 version, $7 content, $8 cdate, $9 removed
INSERT INTO message (id, account_id, user_id, channel, name, version, content, cdate, removed)
VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8), $9)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, version = excluded.version, content = excluded.content, removed = excluded.removed;

-- write_message_version
-- A version never changes, so writing it again is harmless. $1 message, $2 version, $3 content, $4 links
INSERT INTO message_version (message_id, version, content, links)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- write_search
-- A removed one stays, for tasks that start with it. $1 id, $2 account, $3 name, $4 version, $5 list, $6 query, $7 cdate, $8 removed
INSERT INTO saved_search (id, account_id, name, version, list_id, query, cdate, removed)
VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7), $8)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, version = excluded.version, list_id = excluded.list_id, query = excluded.query,
       removed = excluded.removed;

-- write_task
-- The whole row from the whole state: one statement serves every event. What is fixed at creation is not written again.
-- $1 id, $2 account, $3 user, $4 version, $5 channel, $6 name, $7 message, $8 message version, $9 list, $10 search, $11 rate,
-- $12 in doubt, $13 scheduledtime, $14 size, $15 cdate, $16 started, $17 cancelled, $18 completed, $19 endtime,
-- $20 recipients, $21 excluded, $22 paused, $23 the reason of that, $24 expires, $25 send window, $26 split test, $27 campaign, $28 segments
INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, message_version, list_id, search_id, rate,
                  in_doubt, scheduledtime, size, cdate, started, cancelled, completed, endtime, recipients, excluded,
                  paused, paused_reason, expires, send_window, splittest_id, campaign_id, segments)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
        $12, to_timestamp($13), $14, to_timestamp($15), $16, $17, $18, to_timestamp($19), $20, $21, $22, $23, to_timestamp($24), $25,
        $26, $27, $28)
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, name = excluded.name, message_version = excluded.message_version,
       list_id = excluded.list_id, search_id = excluded.search_id, scheduledtime = excluded.scheduledtime,
       in_doubt = excluded.in_doubt, expires = excluded.expires, send_window = excluded.send_window,
       started = excluded.started, cancelled = excluded.cancelled, completed = excluded.completed,
       endtime = excluded.endtime, recipients = excluded.recipients, excluded = excluded.excluded,
       paused = excluded.paused, paused_reason = excluded.paused_reason;

-- write_sending_terms
-- The same for those who claim, of a task that has started; nothing is written where it says so already. A new window is shut
-- until a planner has reckoned when it opens. $1 task, $2 paused, $3 in doubt, $4 expires, $5 send window
UPDATE sending
   SET paused = $2, in_doubt = $3, expires = coalesce(to_timestamp($4), 'infinity'), send_window = $5::jsonb,
       opens_at = CASE WHEN send_window IS DISTINCT FROM $5::jsonb THEN '-infinity' ELSE opens_at END,
       closes_at = CASE WHEN send_window IS NOT DISTINCT FROM $5::jsonb THEN closes_at
                        WHEN $5::jsonb IS NULL THEN 'infinity'
                        ELSE '-infinity'
                   END
 WHERE task_id = $1
   AND (paused, in_doubt, expires, send_window) IS DISTINCT FROM ($2, $3, coalesce(to_timestamp($4), 'infinity'), $5::jsonb);

-- write_splittest
-- The whole row from the whole state. What is fixed at creation is not written again.
-- $1 id, $2 account, $3 user, $4 version, $5 name, $6 messages, $7 list, $8 search, $9 criterion, $10 action, $11 delay, $12 segmenttype,
-- $13 segmentvalue, $14 tie, $15 scheduledtime, $16 rate, $17 in doubt, $18 size, $19 cdate, $20 started, $21 cancelled, $22 completed,
-- $23 endtime, $24 tasks, $25 task to the rest, $26 recipients, $27 seed, $28 shares, $29 accepted, $30 scores, $31 measured at,
-- $32 winning message, $33 its task
INSERT INTO splittest (id, account_id, user_id, version, name, message_ids, list_id, search_id, criterion, action, delay, segmenttype,
                       segmentvalue, tie, scheduledtime, rate, in_doubt, size, cdate, started, cancelled, completed,
                       endtime, task_ids, rest_task_id, recipients, seed, shares, accepted, scores, measured_at,
                       winner_message_id, winner_task_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, to_timestamp($15), $16, $17, $18, to_timestamp($19), $20, $21, $22,
        to_timestamp($23), $24, $25, $26, $27, $28, $29, $30, to_timestamp($31), $32, $33)
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, name = excluded.name, message_ids = excluded.message_ids, list_id = excluded.list_id,
       search_id = excluded.search_id, criterion = excluded.criterion, action = excluded.action, delay = excluded.delay,
       segmenttype = excluded.segmenttype, segmentvalue = excluded.segmentvalue, tie = excluded.tie,
       scheduledtime = excluded.scheduledtime, started = excluded.started, cancelled = excluded.cancelled,
       completed = excluded.completed, endtime = excluded.endtime, task_ids = excluded.task_ids,
       rest_task_id = excluded.rest_task_id, recipients = excluded.recipients, seed = excluded.seed,
       shares = excluded.shares, accepted = excluded.accepted, scores = excluded.scores, measured_at = excluded.measured_at,
       winner_message_id = excluded.winner_message_id, winner_task_id = excluded.winner_task_id;
