//! Fetches a page and pays for it: `cargo run -p farthing-rails --example pay -- HOME URL`

use std::path::Path;

use farthing_rails::wallet::reqwest::{Method, Request};
use farthing_rails::wallet::{Outcome, PassphraseSource};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (home, url) = words.next().zip(words.next()).ok_or("say what: pay HOME URL")?;
    println!("{}", fetch(Path::new(&home), &url).await?);
    Ok(())
}

pub(crate) async fn fetch(home: &Path, url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let wallets = farthing_rails::wallets(home)?;
    let client = farthing_rails::client(&wallets, &"agent".parse()?, PassphraseSource::KeyFile).await?;

    // At most half a cent for this call, whatever the policy allows.
    Ok(match client.pay(Request::new(Method::GET, url.parse()?), Some("0.005 USD".parse()?)).await? {
        Outcome::Free { response } => format!("free: {}", response.text().await?),
        Outcome::Paid { response, cost, .. } => format!("paid {cost}: {}", response.text().await?),
        Outcome::Refused { sentence, .. } => format!("not paid: {sentence}"),
        // Not an answer yet, or no longer: the same call again finishes the same payment.
        other => format!("{other:?}"),
    })
}
