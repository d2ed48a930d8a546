//! Payments inside JSON-RPC and MCP messages.
