-- Version 9: the process that changed a row last. A file has one at a time, and its number is 0; on a server it is asked for.
ALTER TABLE payments ADD COLUMN node INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN node INTEGER NOT NULL DEFAULT 0;
