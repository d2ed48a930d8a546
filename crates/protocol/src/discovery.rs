//! The discovery document: OpenAPI with `x-payment-info` (discovery draft).
