-- Version 4: responses in parts of thirty days each, so that old ones leave without being looked at. A part is named
-- after the instant before which its rows were kept.
ALTER TABLE responses VALIDATE CONSTRAINT is_of_the_first_part;

SELECT number FROM turn FOR UPDATE;

DO $$
DECLARE
    until BIGINT;
BEGIN
    SELECT substring(pg_get_constraintdef(oid) FROM '[0-9]{8,}')::BIGINT INTO STRICT until
        FROM pg_constraint WHERE conname = 'is_of_the_first_part' AND conrelid = 'responses'::regclass;
    EXECUTE format('ALTER TABLE responses RENAME TO %I', 'responses_until_' || until);
    CREATE TABLE responses (
        payment BYTEA NOT NULL CONSTRAINT responses_payment_check CHECK (length(payment) = 16),
        status  BIGINT NOT NULL,
        headers TEXT NOT NULL, -- JSON pairs; each character is one byte of the value
        body    BYTEA NOT NULL,
        at      BIGINT NOT NULL DEFAULT (extract(epoch FROM now()) * 1000)::BIGINT
    ) PARTITION BY RANGE (at);
    EXECUTE format('ALTER TABLE responses ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)',
        'responses_until_' || until, until);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT is_of_the_first_part', 'responses_until_' || until);
    -- What fits nowhere: nobody made room for a year.
    CREATE TABLE responses_otherwise PARTITION OF responses DEFAULT;
    CREATE UNIQUE INDEX ON responses_otherwise (payment);
END $$;

-- Makes the parts of the year to come, those that are not there.
CREATE FUNCTION make_room_for_responses() RETURNS VOID LANGUAGE plpgsql AS
$$
DECLARE
    width CONSTANT BIGINT := 2592000000;
    start BIGINT := (extract(epoch FROM now()) * 1000)::BIGINT / width * width;
    part  TEXT;
BEGIN
    FOR ahead IN 0..12 LOOP
        part := 'responses_until_' || (start + width);
        IF to_regclass(part) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF responses FOR VALUES FROM (%s) TO (%s)',
                    part, start, start + width);
                EXECUTE format('CREATE UNIQUE INDEX ON %I (payment)', part);
            EXCEPTION
                -- Another part covers it, the rest holds rows of it, or another process is making it.
                WHEN invalid_object_definition OR check_violation OR duplicate_table OR unique_violation THEN NULL;
            END;
        END IF;
        start := start + width;
    END LOOP;
END $$;
