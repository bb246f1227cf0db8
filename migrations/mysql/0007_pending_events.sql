-- The events that wait for delivery: one row each, deleted when the event is delivered or given up. So the search for due
-- events does not get slower with the number of delivered ones.
-- `queue` is the user, or the event itself if it is about several users: events of one queue are delivered in the order of
-- `sequence`. `due_at` is the time of the next attempt, and 0 if there was no attempt yet.
--
-- A new event is still only a row of `events`, with `due_at` 0. The server that delivers moves it here: it adds the row and sets
-- `events.due_at` to null. No event has to be moved by this migration.
--
-- During the upgrade the previous version writes events in the same way, and selects by `events.due_at`. Both versions use the
-- lease in `leases`, so one server delivers at a time:
-- - A server of this version delivers the events of both versions.
-- - A server of the previous version delivers the events of both versions that were not moved yet. Moved ones wait until a
--   server of this version has the lease. So if the lease goes from this version to the previous one, an event of a user can
--   be delivered before an earlier one that is being retried. None is lost, and none waits once the previous version is gone.
-- - If the previous version deletes an old event, the foreign key deletes its row here.
-- To go back to the previous version for good, stop the servers of this version and give it the moved events:
--   UPDATE events SET due_at = 0 WHERE sequence IN (SELECT sequence FROM pending_events); DELETE FROM pending_events;
CREATE TABLE pending_events (
  sequence BIGINT NOT NULL PRIMARY KEY,
  queue BINARY(16) NOT NULL,
  due_at BIGINT NOT NULL,
  KEY pending_events_queue (queue, sequence),
  KEY pending_events_due_at (due_at, sequence),
  CONSTRAINT pending_events_sequence FOREIGN KEY (sequence) REFERENCES events (sequence) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
