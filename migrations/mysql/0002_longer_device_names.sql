-- A character as a person counts it can consist of several code points. Changed in place: the length still takes two bytes.
ALTER TABLE sessions MODIFY device_name VARCHAR(255) NULL;
