-- Version 3: what leaves the books after its time. Nobody is at a batch meanwhile, and nothing here reads a table whole.
SELECT number FROM turn FOR UPDATE;

-- How far back the books go, and how much left. Rows leave in a transaction that opens them and shuts them again.
CREATE TABLE pruned (
    id        BIGINT PRIMARY KEY CHECK (id = 1),
    until     BIGINT NOT NULL, -- nothing from before this instant is claimed any more
    payments  BIGINT NOT NULL,
    transfers BIGINT NOT NULL,
    is_open   BIGINT NOT NULL CHECK (is_open = 0 OR is_open = 1)
);

-- What the transfers of an account that left add up to.
CREATE TABLE carried (
    account BIGINT PRIMARY KEY REFERENCES accounts (id),
    debits  TEXT NOT NULL,
    credits TEXT NOT NULL
);

-- Credentials that used what was paid for before: each once, until its challenge is over.
CREATE TABLE visits (
    id    BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    until BIGINT NOT NULL
);

-- Which books these are, for other books; drawn when it is first asked for.
CREATE TABLE identity (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    name BYTEA NOT NULL CHECK (length(name) = 16)
);

CREATE FUNCTION left_in_time() RETURNS TRIGGER LANGUAGE plpgsql AS
$$ BEGIN
    IF OLD.payment IS NULL OR OLD.phase <> 'single' OR NOT EXISTS (SELECT 1 FROM pruned WHERE is_open = 1) THEN
        RAISE EXCEPTION 'transfers is append-only; add a row that says otherwise';
    END IF;
    RETURN OLD;
END $$;

DROP TRIGGER transfers_are_kept ON transfers;

CREATE TRIGGER transfers_are_kept BEFORE UPDATE ON transfers
FOR EACH STATEMENT EXECUTE FUNCTION kept_as_it_was();

CREATE TRIGGER transfers_leave_in_time BEFORE DELETE ON transfers
FOR EACH ROW EXECUTE FUNCTION left_in_time();

-- When the response was kept; programs of the version before leave it to the server. What is there now is to be one
-- partition: that it fits is written down here and looked at in the next version, beside whoever writes.
ALTER TABLE responses ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE responses ALTER COLUMN at SET DEFAULT (extract(epoch FROM now()) * 1000)::BIGINT;

DO $$ BEGIN
    EXECUTE format('ALTER TABLE responses ADD CONSTRAINT is_of_the_first_part CHECK (at < %s) NOT VALID',
        ((extract(epoch FROM now()) * 1000)::BIGINT / 2592000000 + 2) * 2592000000);
END $$;
