-- Version 5: who sends from which account. Nobody is at a batch meanwhile.
SELECT number FROM turn FOR UPDATE;

-- Accounts elsewhere whose transactions a process numbers by itself: one process has each, until it leaves or is dead.
CREATE TABLE senders (
    name TEXT COLLATE "C" PRIMARY KEY, -- eip155:8453:0x...
    node BIGINT NOT NULL REFERENCES nodes (node) ON DELETE CASCADE
);
