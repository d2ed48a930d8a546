//! What settling costs, and who may cause it.
