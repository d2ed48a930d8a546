//! A reqwest client that pays by itself: `cargo run -p farthing-rails --example middleware -- HOME URL`

use std::path::Path;

use farthing_rails::wallet::client::{NotPaid, Paid, PayingMiddleware};
use farthing_rails::wallet::{PassphraseSource, reqwest};
use reqwest_middleware::ClientBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (home, url) = words.next().zip(words.next()).ok_or("say what: middleware HOME URL")?;
    let wallets = farthing_rails::wallets(Path::new(&home))?;
    let wallet = farthing_rails::client(&wallets, &"agent".parse()?, PassphraseSource::KeyFile).await?;

    // The middleware follows redirects itself, where no payment can leak.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let http = ClientBuilder::new(http).with(PayingMiddleware::without_redirects(wallet)).build();
    match http.get(url).send().await {
        Ok(response) => {
            let cost = response.extensions().get::<Paid>().map(|paid| paid.cost.to_string());
            println!("paid {}: {}", cost.unwrap_or("nothing".into()), response.text().await?);
        }
        Err(reqwest_middleware::Error::Middleware(error)) => match error.downcast_ref::<NotPaid>() {
            Some(why) => println!("not paid: {why}"),
            None => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
