//! What a transaction did, as its receipt tells it.
