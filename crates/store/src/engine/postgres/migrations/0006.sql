-- Version 6: who leads no more. Nobody is at a batch meanwhile.
SELECT number FROM turn FOR UPDATE;

-- One that is about to end stands back: others lead, and go on looking whether it lives.
ALTER TABLE nodes ADD COLUMN stands_back BIGINT NOT NULL DEFAULT 0 CHECK (stands_back IN (0, 1));
