-- Version 5: counters of payments and of rolling windows.

-- What the figures are: a currency, whose millionths they are, or `payments`.
ALTER TABLE budgets RENAME COLUMN currency TO counts;
-- JSON of a rolling window: its length and the latest instant seen, in milliseconds, and its parts as
-- [number, spent, reserved]; NULL for a counter that counts from the beginning.
ALTER TABLE budgets ADD COLUMN window TEXT;
