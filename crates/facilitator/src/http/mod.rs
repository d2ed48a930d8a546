//! The paths, and what is answered.

mod answer;
mod body;
mod discovery;

use std::sync::Arc;

use bytes::Bytes;
use farthing_serve::Peer;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::asked::Asked;
use crate::callers::{Caller, Callers};
use crate::desk::Desk;
use crate::meters::Fate;
use crate::refused::Refused;
use answer::Voice;

/// What is served, to sellers and to operators.
pub(crate) struct Site {
    pub(crate) desk: Arc<Desk>,
    pub(crate) callers: Callers,
}

/// Every answer is one piece.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Nobody that is known.
const STRANGER: &str = "stranger";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;

impl Site {
    /// Answers a seller.
    pub(crate) async fn answer(&self, request: Request<Incoming>, _peer: Peer) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/verify") => self.payment(request, Voice::Verify).await,
            (&Method::POST, "/settle") => self.payment(request, Voice::Settle).await,
            (&Method::GET | &Method::HEAD, "/supported") => answer::supported(&self.desk),
            (&Method::GET | &Method::HEAD, "/discovery/resources") => {
                discovery::resources(&self.desk, request.uri().query().unwrap_or_default()).await
            }
            (&Method::GET | &Method::HEAD, "/healthz") => answer::text(StatusCode::OK, "ok\n"),
            (&Method::GET | &Method::HEAD, "/readyz") => answer::readiness(&self.desk, answer::Audience::Sellers),
            (_, "/verify" | "/settle") => answer::wrong_method("POST"),
            (_, "/supported" | "/discovery/resources" | "/healthz" | "/readyz") => answer::wrong_method("GET, HEAD"),
            _ => answer::nothing_here(),
        }
    }

    /// Answers an operator.
    pub(crate) fn answer_operator(&self, request: &Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => answer::metrics(&self.desk.meters),
            (&Method::GET | &Method::HEAD, "/healthz") => answer::text(StatusCode::OK, "ok\n"),
            (&Method::GET | &Method::HEAD, "/readyz") => answer::readiness(&self.desk, answer::Audience::Operators),
            _ => answer::nothing_here(),
        }
    }

    async fn payment(&self, request: Request<Incoming>, voice: Voice) -> Answer {
        let begin = Instant::now();
        let shown = request.headers().get(AUTHORIZATION).map(|shown| shown.as_bytes());
        let caller = match self.callers.find(shown) {
            Ok(caller) => caller,
            Err(refused) => return self.dismiss(STRANGER, voice, &refused),
        };
        if let Err(refused) = caller.take(begin) {
            return self.dismiss(&caller.name, voice, &refused);
        }
        let name = name_of(&request, caller);
        let asked = body::read(request.into_body()).await.and_then(|body| Asked::read(&body));
        let asked = asked.and_then(|asked| caller.may_pay(&asked.requirements).map(|()| asked));
        let asked = match asked {
            Ok(asked) => asked,
            Err(refused) => return self.dismiss(&caller.name, voice, &refused),
        };
        let (answer, fate) = match voice {
            Voice::Verify => answer::verified(self.desk.verify(&asked).await),
            Voice::Settle => answer::settled(self.desk.settle(&asked, caller, name).await, &asked),
        };
        let meters = &self.desk.meters;
        let seconds = if voice == Voice::Verify { &meters.verify_seconds } else { &meters.settle_seconds };
        seconds.record(begin.elapsed());
        meters.requests(&caller.name, voice.path(), fate).increment(1);
        answer
    }

    fn dismiss(&self, caller: &str, voice: Voice, refused: &Refused) -> Answer {
        self.desk.meters.requests(caller, voice.path(), Fate::Dismissed).increment(1);
        answer::refused(voice, refused, "")
    }
}

/// What a request goes by when it is sent again: its `Idempotency-Key`, for its caller alone.
fn name_of(request: &Request<Incoming>, caller: &Caller) -> String {
    let key = request.headers().get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
    let key = key.filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    key.map(|key| format!("{}\n{key}", caller.name)).unwrap_or_default()
}
