//! A wallet as tools of the Model Context Protocol (MCP), so that an assistant on a desktop pays inside
//! limits that its owner set.
//!
//! A [`Server`] offers a wallet's work as tools: fetch a paid URL, say what one would cost, show what is
//! left, what was paid and what waits for a person; and the tools of other servers, through [`Bridges`], whose
//! paid ones it pays for. What a tool may do is decided where every payment is
//! decided, by the wallet; nothing that a model writes can raise a limit, and nothing secret is ever in a
//! tool's answer.

mod approval;
mod bridge;
mod http;
mod server;
mod summary;
mod tools;

pub use bridge::{Bridges, Place, PlaceError, SameName};
pub use http::{Access, serve_http};
pub use rmcp::service::{QuitReason, ServerInitializeError};
pub use server::{Server, serve_stdio};
pub use tools::{Held, OnChains};
