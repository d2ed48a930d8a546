-- Version 8: payments that top up a balance.

-- The asset of that balance; nothing for a payment that buys something.
ALTER TABLE payments ADD COLUMN tops_up TEXT;
-- What left the balance again, in the payment's own asset.
ALTER TABLE payments ADD COLUMN taken_back TEXT;
