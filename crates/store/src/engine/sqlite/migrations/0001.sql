-- The books, version 1. Amounts are decimal text of base units (they have 128 bits), instants are
-- milliseconds since 1970 UTC, ids are 16 bytes. Checks are chains of OR, because SQLite builds a
-- temporary table for an IN list at every insert. Released migrations are never edited.

CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL, -- payer/<id>, revenue/<route>, refunds ...
    asset           TEXT NOT NULL, -- USD.6@ledger
    debits          TEXT NOT NULL,
    credits         TEXT NOT NULL,
    debits_pending  TEXT NOT NULL,
    credits_pending TEXT NOT NULL,
    UNIQUE (name, asset)
) STRICT;

-- Append-only; everything in accounts follows from it.
CREATE TABLE transfers (
    sequence INTEGER PRIMARY KEY,
    id       BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    debit    INTEGER NOT NULL REFERENCES accounts (id),
    credit   INTEGER NOT NULL REFERENCES accounts (id),
    amount   TEXT NOT NULL,
    phase    TEXT NOT NULL CHECK (phase = 'single' OR phase = 'pending' OR phase = 'post' OR phase = 'void'),
    hold     BLOB CHECK ((hold IS NOT NULL) = (phase = 'post' OR phase = 'void')),
    payment  BLOB CHECK (length(payment) = 16),
    at       INTEGER NOT NULL,
    CHECK (debit <> credit)
) STRICT;

-- A hold ends once.
CREATE UNIQUE INDEX transfers_by_hold ON transfers (hold) WHERE hold IS NOT NULL;

CREATE TRIGGER transfers_are_not_changed BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only; book a transfer the other way'); END;

CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are append-only; book a transfer the other way'); END;

-- One row per payment, unique by challenge (the id is derived from it), proof and idempotency key.
CREATE TABLE payments (
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
                       OR state = 'refunded'),
    reference   TEXT,
    fee         TEXT NOT NULL,
    refund      TEXT,
    reason      TEXT,
    deadline    INTEGER,
    status      INTEGER,
    claimed_at  INTEGER NOT NULL,
    settled_at  INTEGER,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX payments_by_key ON payments (idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX payments_in_progress ON payments (state, deadline)
    WHERE state <> 'closed' AND state <> 'rejected' AND state <> 'refunded';
CREATE INDEX payments_by_time ON payments (claimed_at);

-- What a retry under the same idempotency key is answered.
CREATE TABLE responses (
    payment BLOB PRIMARY KEY CHECK (length(payment) = 16),
    status  INTEGER NOT NULL,
    headers TEXT NOT NULL, -- JSON pairs; each character is one byte of the value
    body    BLOB NOT NULL
) STRICT;

-- A buyer's limits: amounts in millionths of the currency.
CREATE TABLE budgets (
    key      TEXT PRIMARY KEY,
    currency TEXT NOT NULL,
    spent    TEXT NOT NULL,
    reserved TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    sequence   INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    wallet     TEXT NOT NULL,
    cost       TEXT NOT NULL,
    currency   TEXT NOT NULL,
    charges    TEXT NOT NULL, -- JSON pairs of budget key and its limit when it was reserved
    origin     TEXT NOT NULL,
    request    TEXT NOT NULL,
    challenge  TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state = 'reserved' OR state = 'confirmed' OR state = 'released'),
    receipt    TEXT,
    reason     TEXT,
    at         INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX reservations_by_wallet ON reservations (wallet, sequence);
