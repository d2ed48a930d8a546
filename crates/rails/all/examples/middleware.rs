//! A reqwest client that pays by itself: `cargo run -p farthing-rails --example middleware -- HOME URL`

use std::path::Path;

use farthing_rails::wallet::client::{NotPaid, Paid, PayingMiddleware};
use farthing_rails::wallet::{PassphraseSource, reqwest};
use reqwest_middleware::{ClientBuilder, Error};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (home, url) = words.next().zip(words.next()).ok_or("say what: middleware HOME URL")?;
    println!("{}", fetch(Path::new(&home), &url).await?);
    Ok(())
}

pub(crate) async fn fetch(home: &Path, url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let wallets = farthing_rails::wallets(home)?;
    let wallet = farthing_rails::client(&wallets, &"agent".parse()?, PassphraseSource::KeyFile).await?;

    // The middleware follows redirects itself, where no payment can leak.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let http = ClientBuilder::new(http).with(PayingMiddleware::without_redirects(wallet)).build();
    match http.get(url).send().await {
        Ok(response) => {
            let cost = response.extensions().get::<Paid>().map(|paid| format!("paid {}", paid.cost));
            Ok(format!("{}: {}", cost.unwrap_or("free".into()), response.text().await?))
        }
        Err(Error::Middleware(error)) => Ok(format!("not paid: {}", error.downcast::<NotPaid>()?)),
        Err(error) => Err(error.into()),
    }
}
