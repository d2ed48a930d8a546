use axum::body::Body;
use axum::http::Response;
use farthing_protocol::Credential;

use super::Shop;

pub(super) async fn serve(_: &Shop, _: &Credential, _: &str) -> Response<Body> {
    Response::new(Body::empty())
}
