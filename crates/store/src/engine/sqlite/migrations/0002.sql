-- Version 2: what a rail takes back, and what its own statement shows.

-- A check cannot be changed, so the table is made anew with the state `reversed` and four columns.
CREATE TABLE payments_2 (
    sequence    INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    challenge   TEXT NOT NULL,
    proof       TEXT NOT NULL UNIQUE,
    method      TEXT NOT NULL,
    intent      TEXT NOT NULL,
    route       TEXT NOT NULL,
    request     TEXT NOT NULL,
    payer       TEXT,
    amount      TEXT NOT NULL,
    asset       TEXT NOT NULL,
    prepaid     INTEGER NOT NULL CHECK (prepaid IN (0, 1)),
    idempotency BLOB CHECK (length(idempotency) = 32),
    kept        BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state = 'claimed' OR state = 'unknown' OR state = 'rejected' OR state = 'posted'
                       OR state = 'delivered' OR state = 'closed' OR state = 'entitled' OR state = 'refunding'
                       OR state = 'refunded' OR state = 'reversed'),
    reference   TEXT,
    fee         TEXT NOT NULL,
    refund      TEXT,
    reason      TEXT,
    deadline    INTEGER,
    status      INTEGER,
    claimed_at  INTEGER NOT NULL,
    settled_at  INTEGER,
    updated_at  INTEGER NOT NULL,
    consumed    TEXT,   -- JSON list of the keys of its movements; NULL for none
    confirm_at  INTEGER,       -- when to ask the rail whether it still stands; NULL once it is final
    passed_on   TEXT NOT NULL, -- what went straight to others
    rail        TEXT NOT NULL  -- the name of the rail's table in the configuration
) STRICT;

INSERT INTO payments_2 SELECT *, NULL, NULL, '0', method FROM payments ORDER BY sequence;
DROP TABLE payments;
ALTER TABLE payments_2 RENAME TO payments;

CREATE UNIQUE INDEX payments_by_key ON payments (idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX payments_in_progress ON payments (state, deadline)
    WHERE state <> 'closed' AND state <> 'rejected' AND state <> 'refunded' AND state <> 'reversed';
CREATE INDEX payments_by_time ON payments (claimed_at);
CREATE INDEX payments_provisional ON payments (confirm_at) WHERE confirm_at IS NOT NULL;

-- Consumed by a payment, seen in a statement, or both; each counts for one payment, ever.
CREATE TABLE movements (
    key       TEXT PRIMARY KEY,
    payment   BLOB CHECK (length(payment) = 16),
    suspended INTEGER NOT NULL CHECK (suspended = 0 OR suspended = 1),
    rail      TEXT, -- from here on what the statement says; NULL until it does
    direction TEXT CHECK (direction = 'in' OR direction = 'out' OR direction = 'fee'),
    reference TEXT,
    payer     TEXT,
    amount    TEXT,
    asset     TEXT,
    at        INTEGER,
    CHECK (payment IS NOT NULL OR rail IS NOT NULL)
) STRICT;

CREATE INDEX movements_suspended ON movements (at) WHERE suspended = 1 AND direction = 'in';
CREATE INDEX movements_not_seen ON movements (payment) WHERE rail IS NULL;

-- How far each rail's statement has been read.
CREATE TABLE cursors (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
) STRICT, WITHOUT ROWID;
