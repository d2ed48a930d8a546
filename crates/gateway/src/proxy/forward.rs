//! One exchange with an upstream.

use super::activity::{Activity, Upload};
use super::dial::{Connection, dial};
use super::headers::{self, Upgrading};
use super::pool::Lease;
use super::upstream::{Origin, Version};
use super::{Body, ForwardError, ForwardErrorKind, Target, Upstream, tunnel};
use crate::serve::{Alarm, Peer};
use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_EXTENSIONS, TRANSFER_ENCODING};
use http::{Extensions, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

/// An answer whose body has not been read, and the connection it comes from.
type Answer = (Response<Incoming>, Option<Lease>);

enum Attempt {
    Answered(Response<Incoming>, Option<Lease>),
    /// The connection closed before a byte was written; the request is intact.
    NotSent(Request<Body>, hyper::Error),
}

impl Upstream {
    /// Sends the request and returns as soon as the head of the answer is there; both bodies stream.
    ///
    /// `target` decides path and query, whatever the request's own URI says. Dropping the future, or the answer's
    /// body, cancels the exchange. A request is sent again only when its connection closed before a byte was written.
    ///
    /// # Errors
    ///
    /// See [`ForwardErrorKind`]. Failures after the head of the answer appear in the body, see [`super::BodyError`].
    pub async fn forward(
        &self,
        target: &Target,
        peer: &Peer,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, ForwardError> {
        let origin = &*self.0;
        if request.body().declared_excess().is_some() {
            return Err(ForwardError::unsent(ForwardErrorKind::BodyTooLarge));
        }
        let upgrading = match origin.version {
            // Its connections are shared and cannot be handed over.
            Version::Http2 => Upgrading::No,
            Version::Auto | Version::Http1 => tunnel::wanted(request.method(), request.version(), request.headers()),
        };
        let client_upgrade = match upgrading {
            Upgrading::WebSocket => request.extensions_mut().remove::<OnUpgrade>(),
            Upgrading::No => None,
        };
        headers::scrub_request(request.headers_mut(), &origin.host_header, target, peer, upgrading);
        *request.uri_mut() = Uri::from(target.path_and_query().clone());
        *request.version_mut() = http::Version::HTTP_11;
        *request.extensions_mut() = Extensions::new();
        let (response, lease) = origin.exchange(request, upgrading).await?;
        answer(response, lease, client_upgrade, origin)
    }

    /// Opens a WebSocket as the request's headers ask for one, and hands over its connection instead of joining it
    /// with the client's. Extensions are not asked for, so that messages can be read.
    ///
    /// # Errors
    ///
    /// As [`Upstream::forward`]; [`ForwardErrorKind::NoSocket`] when the upstream answers with anything but a WebSocket.
    pub async fn open_socket(
        &self,
        target: &Target,
        peer: &Peer,
        mut request: Request<Body>,
    ) -> Result<Upgraded, ForwardError> {
        let origin = &*self.0;
        let refused = || ForwardError::sent(ForwardErrorKind::NoSocket);
        if tunnel::wanted(request.method(), request.version(), request.headers()) == Upgrading::No {
            return Err(ForwardError::unsent(ForwardErrorKind::NoSocket));
        }
        request.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
        headers::scrub_request(request.headers_mut(), &origin.host_header, target, peer, Upgrading::WebSocket);
        *request.uri_mut() = Uri::from(target.path_and_query().clone());
        *request.extensions_mut() = Extensions::new();
        let (mut response, _) = origin.exchange(request, Upgrading::WebSocket).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS
            || !tunnel::agreed(response.headers())
            || response.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS)
        {
            return Err(refused());
        }
        hyper::upgrade::on(&mut response).await.map_err(|error| refused().because(error))
    }
}

impl Origin {
    async fn exchange(&self, mut request: Request<Body>, upgrading: Upgrading) -> Result<Answer, ForwardError> {
        let activity = request.body_mut().watch();
        loop {
            let (connection, pooled) = match self.pooled(upgrading) {
                Some(connection) => (connection, true),
                // Boxed because it is large and seldom needed: the whole of an exchange is moved once.
                None => (Box::pin(self.dialed(upgrading)).await?, false),
            };
            match self.send(connection, request, activity.as_deref()).await? {
                Attempt::Answered(response, lease) => return Ok((response, lease)),
                Attempt::NotSent(intact, _) if pooled => request = intact,
                Attempt::NotSent(_, error) => {
                    return Err(ForwardError::unsent(ForwardErrorKind::Unreachable).because(error));
                }
            }
        }
    }

    fn pooled(&self, upgrading: Upgrading) -> Option<Connection> {
        let shared = || if upgrading == Upgrading::No { self.pool.shared() } else { None };
        match self.version {
            Version::Http1 => self.pool.take().map(Connection::Http1),
            Version::Http2 => shared().map(Connection::Http2),
            Version::Auto if self.tls.is_none() => self.pool.take().map(Connection::Http1),
            Version::Auto => shared().map(Connection::Http2).or_else(|| self.pool.take().map(Connection::Http1)),
        }
    }

    async fn dialed(&self, upgrading: Upgrading) -> Result<Connection, ForwardError> {
        if self.version != Version::Http2 {
            let connection = dial(self, upgrading).await?;
            if let Connection::Http2(sender) = &connection {
                self.pool.share(sender.clone());
            }
            return Ok(connection);
        }
        let _one_at_a_time = self.pool.dialing_http2.lock().await;
        if let Some(connection) = self.pooled(upgrading) {
            return Ok(connection);
        }
        let connection = dial(self, upgrading).await?;
        if let Connection::Http2(sender) = &connection {
            self.pool.share(sender.clone());
        }
        Ok(connection)
    }

    async fn send(
        &self,
        connection: Connection,
        mut request: Request<Body>,
        activity: Option<&Activity>,
    ) -> Result<Attempt, ForwardError> {
        let outcome = match connection {
            Connection::Http1(line) => {
                let mut lease = Lease::new(line, &self.pool);
                let response = lease.line.sender.try_send_request(request);
                within(&mut lease.line.first_byte, response, activity).await?.map(|response| (response, Some(lease)))
            }
            Connection::Http2(mut sender) => {
                self.address_for_http2(&mut request);
                let mut first_byte = Alarm::new(self.timeouts.first_byte);
                let response = Box::pin(sender.try_send_request(request));
                within(&mut first_byte, response, activity).await?.map(|response| (response, None))
            }
        };
        match outcome {
            Ok((response, lease)) => Ok(Attempt::Answered(response, lease)),
            Err(mut failed) => match failed.take_message() {
                Some(intact) => Ok(Attempt::NotSent(intact, failed.into_error())),
                None => Err(ForwardError::from_exchange(failed.into_error(), activity.and_then(Activity::fault))),
            },
        }
    }

    /// HTTP/2 carries scheme and authority in the target and has no `Host`.
    fn address_for_http2(&self, request: &mut Request<Body>) {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        *request.version_mut() = http::Version::HTTP_2;
        request.headers_mut().remove(http::header::HOST);
    }
}

/// Waits for the head of the answer; an upload that moves starts the time-out anew.
async fn within<T>(
    first_byte: &mut Alarm,
    response: impl Future<Output = T>,
    activity: Option<&Activity>,
) -> Result<T, ForwardError> {
    let mut response = pin!(response);
    first_byte.silence();
    poll_fn(|context| {
        if let Poll::Ready(response) = response.as_mut().poll(context) {
            return Poll::Ready(Ok(response));
        }
        loop {
            ready!(first_byte.poll(context));
            match activity.map_or(Upload::Still, Activity::look) {
                Upload::Moved => first_byte.silence(),
                Upload::AwaitingClient => {
                    return Poll::Ready(Err(ForwardError::sent(ForwardErrorKind::ClientStalled)));
                }
                Upload::Still => return Poll::Ready(Err(ForwardError::sent(ForwardErrorKind::FirstByteTimeout))),
            }
        }
    })
    .await
}

fn answer(
    mut response: Response<Incoming>,
    lease: Option<Lease>,
    client_upgrade: Option<OnUpgrade>,
    origin: &Origin,
) -> Result<Response<Body>, ForwardError> {
    let upgrading = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let agreed = tunnel::agreed(response.headers());
        let Some(client) = client_upgrade.filter(|_| agreed) else {
            return Err(ForwardError::sent(ForwardErrorKind::BadResponse));
        };
        tunnel::join(client, hyper::upgrade::on(&mut response));
        Upgrading::WebSocket
    } else {
        Upgrading::No
    };
    let (mut parts, incoming) = response.into_parts();
    refuse_odd_framing(&mut parts.headers)?;
    headers::scrub_response(&mut parts.headers, upgrading);
    let body = match lease {
        _ if upgrading == Upgrading::WebSocket => Body::empty(),
        // The whole answer has been read from the socket already; let the next request have the connection.
        Some(lease) if http_body::Body::is_end_stream(&incoming) => {
            lease.give_back();
            Body::from_upstream(incoming, None, origin.timeouts.idle)
        }
        lease => Body::from_upstream(incoming, lease, origin.timeouts.idle),
    };
    parts.version = http::Version::HTTP_11;
    parts.extensions = Extensions::new();
    Ok(Response::from_parts(parts, body))
}

/// A transfer coding other than `chunked` would be lost on the way, and a length beside `chunked` is a lie.
fn refuse_odd_framing(headers: &mut http::HeaderMap) -> Result<(), ForwardError> {
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        let several = headers.get_all(TRANSFER_ENCODING).iter().nth(1).is_some();
        if several || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(ForwardError::sent(ForwardErrorKind::BadResponse));
        }
        headers.remove(CONTENT_LENGTH);
    }
    Ok(())
}
