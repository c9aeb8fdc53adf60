-- of_list
-- The words in braces are put in once, when the statements are loaded: whether the caller may see a task or a split test.
-- All of these: $1 account, $2 the user whose messages alone are seen, or null, $3 what is to be removed, $4 limit; what is seen comes first.
-- The tasks that are sent to its people, by the list itself or by a search that reaches them by it, and the split tests that are
-- tried on them, as long as they have not come to their end.
SELECT 'task' AS kind, id, {task_seen} AS seen
  FROM task
 WHERE account_id = $1 AND list_id = $3 AND NOT completed AND NOT cancelled
 UNION
SELECT 'task', task.id, {task_seen}
  FROM task
  JOIN sending ON sending.task_id = task.id
 WHERE task.account_id = $1 AND started AND NOT completed AND NOT cancelled AND $3 = ANY (sending.reached_lists)
 UNION
SELECT 'split test', splittest.id, {splittest_seen}
  FROM splittest
  LEFT JOIN splitting ON splitting.task_id = splittest.rest_task_id
 WHERE splittest.account_id = $1 AND NOT completed AND NOT cancelled AND (list_id = $3 OR $3 = ANY (splitting.reached_lists))
 ORDER BY seen DESC, kind DESC, id
 LIMIT $4;

-- searching
-- What has not found its people yet, with the search it is to find them by; few. Without $3 and $4.
SELECT 'task' AS kind, task.id, {task_seen} AS seen, saved_search.list_id, saved_search.query
  FROM task
  JOIN saved_search ON saved_search.id = ANY (task.segments || task.search_id)
 WHERE task.account_id = $1 AND task.recipients IS NULL AND NOT task.completed AND NOT task.cancelled
 UNION ALL
SELECT 'split test', splittest.id, {splittest_seen}, saved_search.list_id, saved_search.query
  FROM splittest
  JOIN saved_search ON saved_search.id = splittest.search_id
 WHERE splittest.account_id = $1 AND splittest.recipients IS NULL AND NOT splittest.completed AND NOT splittest.cancelled;

-- of_search
-- The tasks that have not started, also those to it as a segment, and the split tests until they end: each of their tasks is one to
-- the search.
-- That what has not started is not completed either is said for the index, here and below.
SELECT 'task' AS kind, id, {task_seen} AS seen
  FROM task
 WHERE account_id = $1 AND (search_id = $3 OR $3 = ANY (segments)) AND NOT started AND NOT cancelled AND NOT completed
 UNION ALL
SELECT 'split test', id, {splittest_seen}
  FROM splittest
 WHERE account_id = $1 AND search_id = $3 AND NOT cancelled AND NOT completed
 ORDER BY seen DESC, kind DESC, id
 LIMIT $4;

-- of_message
-- The tasks that have not started, and the split tests until they end: the rest may get any of their messages.
SELECT 'task' AS kind, id, {task_seen} AS seen
  FROM task
 WHERE account_id = $1 AND message_id = $3 AND NOT started AND NOT cancelled AND NOT completed
 UNION ALL
SELECT 'split test', id, {splittest_seen}
  FROM splittest
 WHERE account_id = $1 AND $3 = ANY (message_ids) AND NOT cancelled AND NOT completed
 ORDER BY seen DESC, kind DESC, id
 LIMIT $4;

-- of_domain
-- The same of those with a message that is to be sent from an address of the domain. $3 its name
SELECT 'task' AS kind, task.id, {task_seen} AS seen
  FROM task
  JOIN message ON message.id = task.message_id
 WHERE task.account_id = $1 AND NOT task.started AND NOT task.cancelled AND NOT task.completed AND message.channel = 'email'
   AND lower(split_part(message.content ->> 'from_email', '@', 2)) = $3
 UNION ALL
SELECT 'split test', splittest.id, {splittest_seen}
  FROM splittest
 WHERE account_id = $1 AND NOT cancelled AND NOT completed
   AND EXISTS (
           SELECT
             FROM message
            WHERE message.id = ANY (message_ids) AND lower(split_part(message.content ->> 'from_email', '@', 2)) = $3)
 ORDER BY seen DESC, kind DESC, id
 LIMIT $4;
