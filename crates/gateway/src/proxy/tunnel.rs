//! WebSocket: two connections that stop speaking HTTP and are joined.

use super::headers::{Upgrading, lists};
use http::header::{CONNECTION, HeaderMap, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// Whether a request asks for a WebSocket. Any other `Upgrade` is ignored, as RFC 9110 (7.8) allows.
pub(super) fn wanted(method: &Method, version: Version, headers: &HeaderMap) -> Upgrading {
    let lists_token = |name, token| headers.get_all(name).iter().any(|value| lists(value, token));
    let handshake = method == Method::GET
        && version == Version::HTTP_11
        && headers.contains_key(UPGRADE)
        && lists_token(UPGRADE, "websocket")
        && lists_token(CONNECTION, "upgrade");
    if handshake { Upgrading::WebSocket } else { Upgrading::No }
}

/// Whether a request can be answered with a WebSocket here.
pub(crate) fn is_handshake(parts: &http::request::Parts) -> bool {
    wanted(&parts.method, parts.version, &parts.headers) == Upgrading::WebSocket
        && parts.headers.contains_key(SEC_WEBSOCKET_KEY)
        && parts.headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version.as_bytes() == b"13")
}

/// Whether a `101` answer is the one that was asked for.
pub(super) fn agreed(headers: &HeaderMap) -> bool {
    let mut offered = headers.get_all(UPGRADE).iter();
    offered.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) && offered.next().is_none()
}

/// Copies both ways until either side ends.
pub(super) fn join(client: OnUpgrade, upstream: OnUpgrade) {
    tokio::spawn(async move {
        let (client, upstream) = match tokio::try_join!(client, upstream) {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "a WebSocket did not open");
                return;
            }
        };
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut upstream).await {
            tracing::debug!(%error, "a WebSocket broke off");
        }
    });
}
