//! Where an ATXP demand that is only a text has its terms: read at a service that the owner listed, and nowhere else.

use std::time::Duration;

use farthing_dialects::atxp::Reference;
use farthing_protocol::JsonObject;
use farthing_rail::Origin;
use reqwest::redirect;

const UNANSWERED: &str =
    "the tool asks for an ATXP payment by a text, and the service that has its terms did not answer";
const TOO_LONG: &str = "the tool asks for an ATXP payment by a text, and its terms are too long to be read";

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest terms that are read, in bytes.
const LONGEST: usize = 64 * 1024;

/// The services that may be asked for terms. Nothing is shown to them, and nothing is sent but the question.
#[derive(Clone)]
pub(super) struct Services {
    listed: Vec<Origin>,
    http: reqwest::Client,
}

impl Services {
    pub(super) fn new(listed: Vec<Origin>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).referer(false).timeout(PATIENCE);
        Ok(Self { listed, http: http.build()? })
    }

    /// The price list that the terms come to; `None` where the service is not listed, or why there is none.
    pub(super) async fn terms(&self, reference: &Reference) -> Option<Result<JsonObject, &'static str>> {
        let origin: Origin = reference.origin.parse().ok()?;
        if !self.listed.contains(&origin) {
            return None;
        }
        Some(match self.read(&reference.url()).await {
            Ok(body) => reference.terms(&body),
            Err(sentence) => Err(sentence),
        })
    }

    async fn read(&self, url: &str) -> Result<Vec<u8>, &'static str> {
        let mut response = self.http.get(url).send().await.map_err(|_| UNANSWERED)?;
        if !response.status().is_success() {
            return Err(UNANSWERED);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| UNANSWERED)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(TOO_LONG);
            }
        }
        Ok(body)
    }
}
