//! The buyer's forward proxy: any program that knows a proxy pays, within its wallet's limits.
//!
//! A [`Proxy`] takes requests in absolute form and tunnels (`CONNECT`). TLS of a tunnel is ended here with a certificate
//! of a local [`Authority`], which the owner has installed; what comes out is an ordinary request. Each one goes through
//! the [`PayingClient`](farthing_wallet::PayingClient) of the agent that its credential names ([`Agents`]), and the answer
//! streams back. Which addresses may be reached at all, [`Reach`] says: public ones, and what the owner listed.
//!
//! What is not paid is answered in a way that a program understands: see [`Refusal`].

mod agents;
mod answer;
mod authority;
mod body;
mod connect;
mod ending;
mod exchange;
mod headers;
mod proxy;
mod reach;
mod refusal;
mod stream;
mod tally;
mod target;
mod tokens;
mod upload;
mod websocket;

pub use agents::{Agents, Purses};
pub use authority::{Authority, AuthorityError};
pub use ending::{Closer, LeftOpen};
pub use farthing_wallet::reach::{Listed, ListedError};
pub use proxy::{Limits, Proxy, StartError};
pub use reach::Reach;
pub use refusal::Refusal;
pub use tally::{Spent, Tally};
pub use tokens::{Token, TokenError, Tokens};
