-- SQLite does not bound the length of a text, so there is nothing to change.
SELECT 1;
