-- Version 7: balances that are funded, and accounts elsewhere that fund them.

CREATE TABLE topups (
    sequence   INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    payer      TEXT NOT NULL,
    rail       TEXT NOT NULL,
    reference  TEXT NOT NULL UNIQUE,
    asset      TEXT NOT NULL,
    expected   TEXT,
    created_at INTEGER NOT NULL,
    -- From here on what changes.
    state      TEXT NOT NULL CHECK (state = 'open' OR state = 'paid'),
    credited   TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX topups_open ON topups (payer) WHERE state = 'open';

CREATE TABLE bank_entries (
    sequence       INTEGER PRIMARY KEY,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    parts          INTEGER NOT NULL,
    rail           TEXT NOT NULL,
    asset          TEXT NOT NULL,
    currency       TEXT NOT NULL,
    direction      TEXT NOT NULL CHECK (direction = 'in' OR direction = 'out' OR direction = 'fee'),
    reversal       INTEGER NOT NULL CHECK (reversal = 0 OR reversal = 1),
    amount         TEXT NOT NULL,
    booked         INTEGER NOT NULL,
    bank_reference TEXT NOT NULL,
    details        TEXT NOT NULL,
    notified       INTEGER NOT NULL CHECK (notified = 0 OR notified = 1),
    at             INTEGER NOT NULL,
    -- From here on what changes.
    confirmed      INTEGER NOT NULL CHECK (confirmed = 0 OR confirmed = 1),
    resting        TEXT NOT NULL CHECK (resting = 'credited' OR resting = 'suspense' OR resting = 'withdrawn'
                          OR resting = 'fee' OR resting = 'paid-out' OR resting = 'returned' OR resting = 'taken-back'),
    payer          TEXT,
    balance        TEXT,
    topup          BLOB CHECK (length(topup) = 16),
    payout         BLOB CHECK (length(payout) = 16),
    taken          TEXT, -- what was taken back of a payer's balance, in units of the account
    assignments    INTEGER NOT NULL
) STRICT;

CREATE INDEX bank_entries_suspense ON bank_entries (sequence) WHERE resting = 'suspense';

-- What persons said of entries in suspense.
CREATE TABLE assignments (
    entry      BLOB NOT NULL CHECK (length(entry) = 16),
    number     INTEGER NOT NULL,
    payer      TEXT NOT NULL,
    asset      TEXT NOT NULL,
    said_by    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    takes_back INTEGER NOT NULL CHECK (takes_back = 0 OR takes_back = 1),
    at         INTEGER NOT NULL,
    PRIMARY KEY (entry, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER assignments_are_not_changed BEFORE UPDATE ON assignments
BEGIN SELECT RAISE(ABORT, 'what was said is kept as it was; take it back and say something else'); END;

CREATE TRIGGER assignments_are_not_deleted BEFORE DELETE ON assignments
BEGIN SELECT RAISE(ABORT, 'what was said is kept as it was; take it back and say something else'); END;

CREATE TABLE bank_statements (
    id        BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    rail      TEXT NOT NULL,
    asset     TEXT NOT NULL,
    name      TEXT NOT NULL,
    from_day  INTEGER NOT NULL,
    until_day INTEGER NOT NULL,
    number    INTEGER,
    opening   TEXT NOT NULL,
    closing   TEXT NOT NULL,
    file      BLOB NOT NULL CHECK (length(file) = 32),
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX bank_statements_in_time ON bank_statements (asset, from_day, until_day, number);

CREATE TABLE payouts (
    sequence      INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    payer         TEXT NOT NULL,
    asset         TEXT NOT NULL,
    rail          TEXT NOT NULL,
    account       TEXT NOT NULL,
    currency      TEXT NOT NULL,
    leaving       TEXT NOT NULL,
    payee_name    TEXT NOT NULL,
    payee_account TEXT NOT NULL,
    ordered_by    TEXT NOT NULL,
    ordered_at    INTEGER NOT NULL,
    -- From here on what changes.
    state         TEXT NOT NULL CHECK (state = 'ordered' OR state = 'written' OR state = 'paid' OR state = 'returned'),
    file          TEXT,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX payouts_ordered ON payouts (sequence) WHERE state = 'ordered';
CREATE INDEX payouts_by_file ON payouts (file) WHERE file IS NOT NULL;
