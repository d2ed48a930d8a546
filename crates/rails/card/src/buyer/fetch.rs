use std::sync::Arc;
use std::time::Duration;

use farthing_rail::Answer;
use url::Url;

/// More than any honest set of keys.
const LARGEST: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches a set of keys; the refusal is one sentence.
pub type FetchKeys = Arc<dyn Fn(Url) -> Answer<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// Over HTTPS, without following anybody elsewhere, within ten seconds and 256 KiB.
pub fn over_https() -> Result<FetchKeys, reqwest::Error> {
    let client = reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()?;
    Ok(Arc::new(move |uri| Box::pin(fetch(client.clone(), uri))))
}

async fn fetch(client: reqwest::Client, uri: Url) -> Result<Vec<u8>, String> {
    let failed = |error: reqwest::Error| format!("the seller's keys cannot be fetched: {}", error.without_url());
    let mut response = client.get(uri).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("the seller's keys cannot be fetched: status {}", response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len().saturating_add(chunk.len()) > LARGEST {
            return Err("the seller's key set is larger than 256 KiB".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
