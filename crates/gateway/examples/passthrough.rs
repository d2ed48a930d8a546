//! The proxy alone, without payments, for measuring it: `passthrough LISTEN UPSTREAM`, on one thread.

use farthing_gateway::proxy::{Body, Reach, Target, Timeouts, Upstream, Version};
use farthing_gateway::serve::{Limits, Peer, serve};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(origin)) = (arguments.next(), arguments.next()) else {
        return Err("usage: passthrough 127.0.0.1:8080 http://127.0.0.1:3000".into());
    };
    let upstream = Upstream::new(&origin.parse()?, Version::Auto, Timeouts::default(), Reach::default())?;
    let service = move |request: Request<Incoming>, peer: Peer| {
        let upstream = upstream.clone();
        async move { answer(&upstream, request, peer).await.unwrap_or_else(plain) }
    };
    serve(TcpListener::bind(&listen).await?, None, Limits::default(), service, std::future::pending()).await;
    Ok(())
}

async fn answer(upstream: &Upstream, request: Request<Incoming>, peer: Peer) -> Result<Response<Body>, StatusCode> {
    let target =
        Target::read(request.method(), request.uri(), request.headers()).map_err(|_| StatusCode::BAD_REQUEST)?;
    upstream.forward(&target, &peer, request.map(Body::from)).await.map_err(|error| error.status())
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
