-- Version 4: payments that wait for a person.

CREATE TABLE approvals (
    sequence   INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 8),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    -- What would be paid for what.
    wallet     TEXT NOT NULL,
    request    BLOB NOT NULL CHECK (length(request) = 32),
    bought     TEXT NOT NULL,
    origin     TEXT NOT NULL,
    payee      TEXT,
    method     TEXT NOT NULL,
    asset      TEXT NOT NULL,
    amount     TEXT NOT NULL,
    cost       TEXT NOT NULL,
    currency   TEXT NOT NULL,
    -- Who asks, and why.
    level      TEXT NOT NULL,
    rule       TEXT NOT NULL,
    sentence   TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    deadline   INTEGER NOT NULL,
    -- From here on what changes.
    state      TEXT NOT NULL CHECK (state IN ('pending', 'allowed', 'denied', 'expired', 'used')),
    answer     TEXT,    -- JSON
    used_by    BLOB CHECK (length(used_by) = 16),
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX approvals_by_digest ON approvals (digest, sequence);
CREATE INDEX approvals_by_time ON approvals (updated_at);
CREATE INDEX approvals_waiting ON approvals (wallet, deadline) WHERE state = 'pending';

-- The approval that a reservation used up: JSON.
ALTER TABLE reservations ADD COLUMN approval TEXT;
