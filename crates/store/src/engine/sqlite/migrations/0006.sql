-- Version 6: the log of a wallet's decisions, and the policies that decided.

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    wallet   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    record   TEXT NOT NULL, -- canonical JSON
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER audit_has_no_gaps BEFORE INSERT ON audit
WHEN NEW.sequence <> coalesce((SELECT max(sequence) FROM audit), 0) + 1
BEGIN SELECT RAISE(ABORT, 'the log is append-only; records are added at its end'); END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the log is append-only; records are added at its end'); END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the log is append-only; records are added at its end'); END;

-- Reservations up to this one were made before there was a log.
CREATE TABLE audit_start (
    reservation INTEGER NOT NULL
) STRICT;
INSERT INTO audit_start SELECT coalesce(max(sequence), 0) FROM reservations;

-- Every policy that ever decided, by the hash that the log names it by.
CREATE TABLE policies (
    level   TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    text    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (level, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER policies_are_not_changed BEFORE UPDATE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are kept as they were; add a version'); END;

CREATE TRIGGER policies_are_not_deleted BEFORE DELETE ON policies
BEGIN SELECT RAISE(ABORT, 'policies are kept as they were; add a version'); END;
