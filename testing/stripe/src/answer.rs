use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

/// What every object says of itself.
const DOUBLE: &str = "this is a test double and not Stripe; no money moves";

/// An answer, before it is put on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    pub(crate) fn list(data: Vec<Value>, more: bool) -> Self {
        Self::ok(json!({ "object": "list", "data": data, "has_more": more }))
    }

    pub(crate) fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        Self { status, body: json!({ "error": { "type": kind, "code": code, "message": message } }) }
    }

    pub(crate) fn invalid(code: &str, message: &str) -> Self {
        Self::error(400, "invalid_request_error", code, message)
    }

    pub(crate) fn missing(what: &str) -> Self {
        Self::error(404, "invalid_request_error", "resource_missing", &format!("No such object: '{what}'"))
    }

    pub(crate) fn on_the_wire(mut self, replayed: bool) -> Response<Body> {
        if let Some(object) = self.body.as_object_mut() {
            object.insert("double".to_owned(), DOUBLE.into());
        }
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert("content-type", axum::http::HeaderValue::from_static("application/json"));
        if replayed {
            headers.insert("idempotent-replayed", axum::http::HeaderValue::from_static("true"));
        }
        response
    }

    /// A status and half a body: the connection breaks.
    pub(crate) fn lost() -> Response<Body> {
        let half = futures_util::stream::iter([
            Ok::<_, std::io::Error>("{\"id\":"),
            Err(std::io::Error::other("the double was told to lose this answer")),
        ]);
        Response::new(Body::from_stream(half))
    }
}
