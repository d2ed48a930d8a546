//! From a payment to money that moved, and to knowing that it did.
