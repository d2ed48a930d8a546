//! The `usdc` method, intent `charge`: USDC by authorization.
