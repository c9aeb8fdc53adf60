-- claim_notice
-- The next due notice of a channel, for this process alone while the lease lasts. One that was begun and not concluded is never
-- claimed again: its final dot may be out. $1 owner, $2 lease seconds, $3 channel
WITH due AS (
    SELECT id
      FROM notice
     WHERE state = 'waiting' AND channel = $3 AND NOT begun
       AND due_at <= clock_timestamp() AND leased_until < clock_timestamp() AND expires_at > clock_timestamp()
       AND (SELECT store_is_open())
     ORDER BY due_at, id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
)
UPDATE notice
   SET owner = $1, epoch = notice.epoch + 1, leased_until = clock_timestamp() + $2 * interval '1 second'
  FROM due
 WHERE notice.id = due.id
RETURNING notice.id, notice.account_id, notice.epoch, notice.attempt, notice.channel, notice.purpose, notice.sender,
          notice.address, notice.content, extract(epoch FROM notice.cdate)::float8 AS made_at;

-- begin_notice
-- Committed right before a notice is handed to its channel, and the lease begins anew with it. No row: somebody else may have it.
-- What is sent now is what every later attempt sends. $1 id, $2 epoch, $3 owner, $4 lease seconds, $5 the content with its
-- signatures (null: as it stands)
UPDATE notice
   SET begun = true, content = coalesce($5, content), leased_until = clock_timestamp() + $4 * interval '1 second'
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND state = 'waiting' AND leased_until > clock_timestamp();

-- renew_notices
-- Answers those that are still this process's. $1 owner, $2 ids, $3 epochs, $4 lease seconds
UPDATE notice
   SET leased_until = clock_timestamp() + $4 * interval '1 second'
  FROM unnest($2::bigint[], $3::integer[]) AS held (id, epoch)
 WHERE notice.id = held.id AND notice.epoch = held.epoch AND notice.owner = $1 AND notice.state = 'waiting'
RETURNING notice.id, notice.epoch;

-- conclude_notice
-- What became of an attempt. It also counts when it comes late: nobody else has sent what stood in doubt meanwhile. What can be
-- sent no more is forgotten. $1 id, $2 epoch, $3 state, $4 reason, $5 attempts spent, $6 pause seconds
UPDATE notice
   SET state = $3, reason = $4, attempt = attempt + $5, due_at = clock_timestamp() + $6 * interval '1 second',
       begun = false, owner = NULL, leased_until = '-infinity',
       content = CASE WHEN $3 IN ('accepted', 'failed') THEN NULL ELSE content END
 WHERE id = $1 AND epoch = $2 AND state IN ('waiting', 'in_doubt');

-- give_back
-- Claimed and not begun. $1 id, $2 epoch, $3 owner
UPDATE notice
   SET owner = NULL, leased_until = '-infinity'
 WHERE id = $1 AND epoch = $2 AND owner = $3 AND state = 'waiting' AND NOT begun;

-- give_back_orphans
-- Whatever a process that died had claimed and, by its journal, not sent. $1 owner
UPDATE notice
   SET begun = false, owner = NULL, leased_until = '-infinity'
 WHERE owner = $1 AND state = 'waiting';

-- attempt_of
-- No row: what the journal says of it is stored already. $1 id, $2 epoch, $3 owner
SELECT attempt FROM notice WHERE id = $1 AND epoch = $2 AND (owner = $3 OR state = 'in_doubt');

-- doubt_abandoned
-- Begun by a process that fell silent: whether its final dot was out is not known, so it is not sent again.
UPDATE notice
   SET state = 'in_doubt', reason = 'the sender was lost while it was sending', owner = NULL
 WHERE state = 'waiting' AND begun AND leased_until < clock_timestamp()
RETURNING id, channel;

-- forget_expired
-- $1 limit
WITH expired AS (
    SELECT id
      FROM notice
     WHERE address IS NOT NULL AND expires_at <= clock_timestamp() AND leased_until < clock_timestamp()
       AND NOT (state = 'waiting' AND begun)
     ORDER BY expires_at
     LIMIT $1
       FOR UPDATE SKIP LOCKED
)
UPDATE notice
   SET address = NULL, content = NULL,
       reason = CASE WHEN state = 'waiting' THEN concat_ws(': ', 'expired', nullif(reason, '')) ELSE reason END,
       state = CASE WHEN state = 'waiting' THEN 'failed' ELSE state END
  FROM expired
 WHERE notice.id = expired.id;
