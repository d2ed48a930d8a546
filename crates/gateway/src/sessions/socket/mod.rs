//! Streams over WebSocket: the upstream's messages in frames that say what is paid for.
//!
//! ```text
//! client                       gateway                                   upstream
//! handshake ─────────────────▶ 101
//! authorization ─────────────▶ checked, accepted; receipt ◀──            handshake, once something is held
//!                ◀── message   paid for ◀─────────────────────────────── message
//!                ◀── need-voucher, when nothing more is signed for
//! authorization ─────────────▶ accepted; receipt ◀──                     its own frames ──────────▶
//! close-request ─────────────▶ close-ready with the last receipt ◀──     let go of
//! ```
//!
//! What the client wants paid is read in order by [`front`]; what the upstream says goes out by [`pump`], as far as it
//! is paid for. A socket carries one stream.

mod front;
mod line;
mod pump;
mod reader;

use std::sync::Arc;

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderValue, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::Instrument;

use crate::config::Meter;
use crate::lifecycle::Head;
use crate::proxy::{Body, is_handshake};
use crate::route::{Paid, SharedRoute};
use crate::seller::Seller;
use front::Front;

/// The longest message in either direction, in bytes.
const LONGEST_MESSAGE: usize = 4 << 20;

/// What is set aside to read into, in bytes: an idle socket has little of it.
const READ_AT_ONCE: usize = 8 << 10;

/// A connection that speaks WebSocket.
type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Whether a request without a credential asks for a stream over WebSocket that sessions pay for.
pub(crate) fn is_sold_by_socket(paid: &Paid, head: &Head) -> bool {
    let counts = paid.meter.as_ref().is_none_or(Meter::counts_as_it_goes);
    counts && paid.offers.iter().any(|offer| offer.session.is_some()) && is_handshake(&head.parts)
}

/// Answers the handshake. What is paid comes in the first frame.
pub(crate) fn upgrade(seller: &Arc<Seller>, route: &SharedRoute, mut head: Head) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = &mut head.parts.headers;
    headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    let accept = headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accept = accept.and_then(|accept| HeaderValue::try_from(accept).ok());
    let (Some(accept), Some(client)) = (accept, head.parts.extensions.remove::<OnUpgrade>()) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    // The upstream is not asked before it is paid for: it speaks what the client would like best, or nothing.
    if let Some(protocol) = first_protocol(headers.get(SEC_WEBSOCKET_PROTOCOL)) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol.clone());
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let (sharing, route) = (Arc::clone(seller), Arc::clone(route));
    let served = async move {
        match client.await {
            Ok(upgraded) => Front::new(sharing, route, head, socket(upgraded, Role::Server).await).run().await,
            Err(error) => tracing::debug!(%error, "a WebSocket did not open"),
        }
    };
    seller.spawn(served.instrument(tracing::info_span!("socket")));
    response
}

async fn socket(upgraded: hyper::upgrade::Upgraded, role: Role) -> Socket {
    let mut config = WebSocketConfig::default().read_buffer_size(READ_AT_ONCE);
    config.max_message_size = Some(LONGEST_MESSAGE);
    config.max_frame_size = Some(LONGEST_MESSAGE);
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, Some(config)).await
}

fn first_protocol(offered: Option<&HeaderValue>) -> Option<HeaderValue> {
    let first = offered?.to_str().ok()?.split(',').next()?.trim();
    HeaderValue::from_str(first).ok().filter(|first| !first.is_empty())
}
