//! What the gateways stand in front of: it serves whoever asks, and every time it does is a delivery.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farthing_gateway::proxy::{Dial, Dialed};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::faults::Fault;
use crate::network::{self, End};
use crate::world::{Life, Node, World};

/// Says of an answer that it is the upstream's own failure, and no refusal of a gateway.
pub const FAILS: &str = "x-upstream-fails";
/// The longest that an answer takes.
const LONGEST: Duration = Duration::from_millis(50);

/// How one life of a gateway reaches the upstream.
pub struct Way {
    /// Where it happens.
    pub world: Arc<World>,
    /// The gateway's.
    pub life: Life,
    /// The upstream's, which never ends.
    pub upstream: Life,
}

impl Dial for Way {
    fn dial<'a>(&'a self, _host: &'a str, _port: u16) -> Dialed<'a> {
        Box::pin(async move {
            self.world.effect(&self.life, "dials the upstream").await;
            let (near, far) = network::connect(&self.world, &self.life, &self.upstream)?;
            tokio::spawn(serve(Arc::clone(&self.world), self.life.clone(), far));
            Ok(Box::new(near) as Box<dyn farthing_gateway::proxy::Wire>)
        })
    }
}

async fn serve(world: Arc<World>, asker: Life, end: End) -> io::Result<()> {
    let service = service_fn(move |request| answer(Arc::clone(&world), asker.was_held_up(), request));
    http1::Builder::new().serve_connection(TokioIo::new(end), service).await.map_err(io::Error::other)
}

async fn answer(
    world: Arc<World>,
    was_held_up: bool,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let takes = world.dice.up_to(LONGEST);
    if !takes.is_zero() {
        tokio::time::sleep(takes).await;
    }
    let path = request.uri().path().to_owned();
    let mut response = Response::new(Full::default());
    if world.strikes(|weather| weather.upstream) {
        world.fault(Node::Upstream, Fault::UpstreamFailed);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(FAILS, http::HeaderValue::from_static("yes"));
        return Ok(response);
    }
    world.note(Node::Upstream, format_args!("serves {path}"));
    let number = path.rsplit('/').next().and_then(|number| number.parse().ok());
    world.audit(|auditor| auditor.served(number, was_held_up));
    *response.body_mut() = Full::from(format!("goods {path}"));
    Ok(response)
}
