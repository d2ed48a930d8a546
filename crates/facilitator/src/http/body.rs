use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use crate::refused::Refused;

/// The longest request. Honest ones have less than a tenth of it.
pub(crate) const LONGEST: usize = 64 * 1024;
/// How long a seller may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a request's body within its bounds.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Refused> {
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(too_long());
    }
    match tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => {
            Err(Refused::new(StatusCode::BAD_REQUEST, "invalid_payload", "the body broke off; send it whole"))
        }
        Err(_) => {
            let message = "the body did not come in time; send it at once";
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "invalid_payload", message))
        }
    }
}

fn too_long() -> Refused {
    let message = format!("a request has at most {LONGEST} bytes; send only the payment and what is asked for");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_payload", message)
}
