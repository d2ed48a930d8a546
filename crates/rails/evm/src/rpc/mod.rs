//! Asking a chain: endpoints, failover, agreement.
