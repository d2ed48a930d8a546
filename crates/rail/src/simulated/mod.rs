//! A rail that misbehaves on purpose (being built).
