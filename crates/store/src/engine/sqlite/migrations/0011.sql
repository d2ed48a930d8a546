-- Version 11: what leaves the books after its time.

-- How far back the books go, and how much left. Rows leave in a transaction that opens them and shuts them again.
CREATE TABLE pruned (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    until     INTEGER NOT NULL, -- nothing from before this instant is claimed any more
    payments  INTEGER NOT NULL,
    transfers INTEGER NOT NULL,
    is_open   INTEGER NOT NULL CHECK (is_open = 0 OR is_open = 1)
) STRICT;

-- What the transfers of an account that left add up to.
CREATE TABLE carried (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    debits  TEXT NOT NULL,
    credits TEXT NOT NULL
) STRICT;

-- Credentials that used what was paid for before: each once, until its challenge is over.
CREATE TABLE visits (
    id    BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which books these are, for other books; drawn when it is first asked for.
CREATE TABLE identity (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    name BLOB NOT NULL CHECK (length(name) = 16)
) STRICT;

DROP TRIGGER transfers_are_not_deleted;

CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers
WHEN OLD.payment IS NULL OR OLD.phase <> 'single' OR NOT EXISTS (SELECT 1 FROM pruned WHERE is_open = 1)
BEGIN SELECT RAISE(ABORT, 'transfers are append-only; book a transfer the other way'); END;

-- When the response was kept.
ALTER TABLE responses ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
