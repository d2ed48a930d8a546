//! The admin API of a gateway, as commands call it.

use std::path::Path;

use clap::Args;
use serde_json::Value;
use url::Url;

use crate::failure::{Failure, OrFail};

/// Where the gateway's admin API is.
#[derive(Args)]
pub(crate) struct Admin {
    /// The gateway's admin address.
    #[arg(long, default_value = "http://127.0.0.1:4021")]
    admin: Url,
    /// The admin token, for a gateway off loopback.
    #[arg(long, env = "FARTHING_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Admin {
    /// Asks, and gives the JSON of the answer; a refusal is said in the gateway's own words.
    pub(crate) async fn call(&self, method: http::Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let request = self.request(method, path)?;
        answer_of(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    /// Sends a file, as it is.
    pub(crate) async fn upload(&self, path: &str, file: &Path) -> Result<Value, Failure> {
        let opened = tokio::fs::File::open(file).await.or_fail("it cannot be read")?;
        answer_of(self.request(http::Method::POST, path)?.body(opened)).await
    }

    fn request(&self, method: http::Method, path: &str) -> Result<reqwest::RequestBuilder, Failure> {
        let place = self.admin.join(path).or_fail("the admin address is not a URL")?;
        let request = reqwest::Client::new().request(method, place);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }
}

/// The JSON of the answer; a refusal is said in the gateway's own words.
async fn answer_of(request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let unreachable = "the gateway's admin API cannot be reached; is it running, and is --admin right?";
    let response = request.send().await.map_err(|error| Failure::new(format!("{unreachable} ({error})")))?;
    let status = response.status();
    let answer: Value = response.json().await.or_fail("the admin API's answer is not JSON")?;
    if status.is_success() {
        return Ok(answer);
    }
    let said = answer.get("detail").or_else(|| answer.get("error")).and_then(Value::as_str);
    Err(Failure::new(said.map_or_else(|| format!("the admin API answered {status}"), str::to_owned)))
}
