//! Cache rules of paid responses (core, section 11.10).
