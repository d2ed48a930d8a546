-- Version 10: a prepaid payment has no entry of its own for its proof, which says no more than its id. Ids begin with
-- the instant of their challenge since this version, so that a payment writes no page far from the others'.
CREATE TABLE payments_10 (
    sequence    INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    challenge   TEXT NOT NULL,
    proof_key   TEXT, -- NULL for method/challenge, which is unique with the id
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
    rail        TEXT NOT NULL, -- the name of the rail's table in the configuration
    session     BLOB CHECK (length(session) = 16), -- the session that it collects from
    tops_up     TEXT, -- the asset of the balance that it fills; NULL for one that buys something
    taken_back  TEXT, -- what left that balance again, in the payment's own asset
    node        INTEGER NOT NULL DEFAULT 0 -- the process that changed it last,
    CHECK (proof_key IS NOT NULL OR prepaid = 1)
) STRICT;

INSERT INTO payments_10 SELECT * FROM payments ORDER BY sequence;
DROP TABLE payments;
ALTER TABLE payments_10 RENAME TO payments;

CREATE UNIQUE INDEX payments_by_key ON payments (idempotency) WHERE idempotency IS NOT NULL;
CREATE UNIQUE INDEX payments_by_proof ON payments (proof_key) WHERE proof_key IS NOT NULL;
CREATE INDEX payments_in_progress ON payments (state, deadline)
    WHERE state <> 'closed' AND state <> 'rejected' AND state <> 'refunded' AND state <> 'reversed';
CREATE INDEX payments_by_time ON payments (claimed_at);
CREATE INDEX payments_provisional ON payments (confirm_at) WHERE confirm_at IS NOT NULL;
