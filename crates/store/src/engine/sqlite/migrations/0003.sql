-- Version 3: sessions.

-- The session that a payment collects from.
ALTER TABLE payments ADD COLUMN session BLOB CHECK (length(session) = 16);

CREATE TABLE sessions (
    sequence     INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    channel      TEXT NOT NULL,
    payer        TEXT NOT NULL,
    signer       TEXT NOT NULL,
    asset        TEXT NOT NULL,
    prepaid      INTEGER NOT NULL CHECK (prepaid = 0 OR prepaid = 1),
    method       TEXT NOT NULL,
    rail         TEXT NOT NULL,
    kept         BLOB NOT NULL,
    opened_at    INTEGER NOT NULL,
    -- From here on what changes; what changes with every request comes first.
    held         TEXT NOT NULL,
    spent        TEXT NOT NULL,
    units        INTEGER NOT NULL,
    unposted     TEXT,    -- JSON of route and amount; NULL for nothing
    used_at      INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    accepted     TEXT NOT NULL,
    voucher      BLOB,
    state        TEXT NOT NULL CHECK (state = 'opening' OR state = 'open' OR state = 'closing' OR state = 'closed'
                        OR state = 'refused'),
    deposit      TEXT NOT NULL,
    settled      TEXT NOT NULL,
    collected    TEXT NOT NULL,
    collecting   BLOB CHECK (length(collecting) = 16),
    collections  INTEGER NOT NULL,
    transfers    INTEGER NOT NULL,
    reason       TEXT,
    close_requested_at INTEGER,
    collect_until      INTEGER,
    seen_at      INTEGER,
    ended_at     INTEGER,
    -- A deposit on its way.
    pending_key        TEXT,
    pending_amount     TEXT,
    pending_kept       BLOB,
    pending_claimed_at INTEGER,
    ask_at             INTEGER,
    CHECK ((pending_key IS NULL) = (pending_amount IS NULL) AND (pending_key IS NULL) = (pending_kept IS NULL)
           AND (pending_key IS NULL) = (pending_claimed_at IS NULL))
) STRICT;

CREATE INDEX sessions_by_channel ON sessions (channel);
CREATE INDEX sessions_in_progress ON sessions (sequence) WHERE state <> 'closed' AND state <> 'refused';
CREATE INDEX sessions_in_doubt ON sessions (ask_at) WHERE ask_at IS NOT NULL;

-- Which session a proof was put into: each once, ever, and never a payment's.
CREATE TABLE deposits (
    key     TEXT PRIMARY KEY,
    session BLOB NOT NULL CHECK (length(session) = 16)
) STRICT, WITHOUT ROWID;
