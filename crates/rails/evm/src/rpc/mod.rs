//! JSON-RPC to the nodes of one chain.
//!
//! [`Endpoints`] holds one or several nodes behind one HTTP client. A read goes to one node and on
//! to the next when that one does not answer; a read that decides over money can be made to ask
//! several and to count only what enough of them say. A transaction is handed to one node at a time,
//! and [`RpcError`] says whether it may have arrived. Answers are read leniently into small types of
//! our own: a chain may add fields, and Tempo does.

pub(crate) mod answers;
mod endpoints;
mod error;
mod node;
mod questions;
mod together;

pub use answers::{Block, Receipt, SimulatedCall};
pub use endpoints::{Endpoints, EndpointsError};
pub use error::{RefusedBy, RpcError};
pub use questions::{At, LogFilter, Question, SimulatedRequest};
