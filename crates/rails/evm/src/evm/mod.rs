//! The `evm` method, intent `charge`: ERC-20 tokens on any EVM chain.
