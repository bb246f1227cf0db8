-- The events that wait for delivery: one row each, deleted when the event is delivered or given up. So the search for due
-- events does not get slower with the number of delivered ones.
-- `queue` is the user, or the event itself if it is about several users: events of one queue are delivered in the order of
-- `sequence`. `due_at` is the time of the next attempt, and 0 if there was no attempt yet.
--
-- A new event is still only a row of `events`, with `due_at` 0. The server that delivers moves it here: it adds the row and sets
-- `events.due_at` to null. `mysql/0007_pending_events.sql` says how this works beside the previous version, and how to go back.
CREATE TABLE pending_events (
  sequence INTEGER PRIMARY KEY REFERENCES events (sequence) ON DELETE CASCADE,
  queue BLOB NOT NULL,
  due_at INTEGER NOT NULL
);

CREATE INDEX pending_events_queue ON pending_events (queue, sequence);
CREATE INDEX pending_events_due_at ON pending_events (due_at, sequence);
