//! Showing one credential twice.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderValue};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use serde_json::Value;
use url::Url;

use super::agent::Agent;
use crate::failure::{Failure, OrFail};

/// What came of the second showing.
pub(super) struct Replay {
    /// The status.
    pub(super) status: u16,
    /// The problem's name.
    pub(super) problem: String,
}

/// Sees the credential on its way out, as a thief on the agent's machine would.
#[derive(Clone, Default)]
struct Eavesdropper(Arc<Mutex<Option<HeaderValue>>>);

#[async_trait]
impl Middleware for Eavesdropper {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        if let Some(credential) = request.headers().get(AUTHORIZATION) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential.clone());
        }
        next.run(request, extensions).await
    }
}

/// Buys once, then shows the same credential again.
pub(super) async fn buy_and_replay(agent: &Agent, url: Url) -> Result<Replay, Failure> {
    let eavesdropper = Eavesdropper::default();
    let plain = reqwest::Client::new();
    let client = ClientBuilder::new(plain.clone()).with(agent.middleware()).with(eavesdropper.clone()).build();
    let bought = client.get(url.clone()).send().await.or_fail("the purchase to be replayed failed")?;
    bought.bytes().await.or_fail("the purchase to be replayed broke off")?;
    let credential = eavesdropper.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let credential = credential.ok_or_else(|| Failure::new("the purchase to be replayed was free"))?;
    let again = plain.get(url).header(AUTHORIZATION, credential).send().await.or_fail("the replay got no answer")?;
    let status = again.status().as_u16();
    let problem = again.json::<Value>().await.ok();
    let name = problem.as_ref().and_then(|problem| problem.get("type")).and_then(Value::as_str);
    let problem = name.and_then(|uri| uri.rsplit('/').next()).unwrap_or_default().to_owned();
    Ok(Replay { status, problem })
}
