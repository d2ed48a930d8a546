-- Version 2: a prepaid payment has no entry of its own for its proof, which says no more than its id. Programs of version 1
-- know such a payment by another id, so that both together could take it twice: the column has another name, and they
-- answer 503 until they are replaced.
ALTER TABLE payments RENAME COLUMN proof TO proof_key;
ALTER TABLE payments ALTER COLUMN proof_key DROP NOT NULL;
ALTER TABLE payments ADD CHECK (proof_key IS NOT NULL OR prepaid = 1);
ALTER TABLE payments DROP CONSTRAINT payments_proof_key;
CREATE UNIQUE INDEX payments_by_proof ON payments (proof_key) WHERE proof_key IS NOT NULL;
