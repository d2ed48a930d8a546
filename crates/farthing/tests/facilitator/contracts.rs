//! Tokens and wallets that do not keep their word.
