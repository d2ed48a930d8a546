//! Forwarding a request to an upstream and streaming its answer back. Knows nothing of payments.
//!
//! A request passes through here in three steps:
//!
//! 1. [`Target::read`] settles, once, which resource the request names. Routes are matched against it and it is
//!    what the upstream is sent, so no spelling of a path can be priced as one resource and served as another.
//! 2. [`headers`] removes what belongs to one hop, to payments or to whoever wants to be taken for someone else.
//! 3. [`Upstream::forward`] takes a connection from the upstream's pool and streams both bodies with back pressure.
//!    A failure is a [`ForwardError`], which says whether the upstream may have acted on the request.
//!
//! ```text
//! let target = Target::read(request.method(), request.uri(), request.headers())?;
//! let request = request.map(|incoming| Body::from_client(incoming, limit));
//! let response = upstream.forward(&target, &peer, request).await?;
//! response.map(|body| body.on_end(|ending| ...))
//! ```

mod activity;
mod body;
mod dial;
mod error;
mod forward;
mod gathered;
pub mod headers;
mod hearing;
mod pool;
mod target;
mod tunnel;
mod upstream;

pub use body::{Body, BodyError, Ending};
pub use dial::{Dial, Dialed, Reach, Wire};
pub use error::{ForwardError, ForwardErrorKind};
pub use target::{Target, TargetError};
pub(crate) use tunnel::is_handshake;
pub use upstream::{Timeouts, Upstream, UpstreamError, Version};
