//! Any tower service that sends HTTP requests, here hyper's client, pays by itself:
//! `cargo run -p farthing-rails --example tower -- HOME URL`

use std::path::Path;

use bytes::Bytes;
use farthing_rails::wallet::PassphraseSource;
use farthing_rails::wallet::client::{NotPaid, Order, Paid, PayingLayer};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut words = std::env::args().skip(1);
    let (home, url) = words.next().zip(words.next()).ok_or("say what: tower HOME URL")?;
    let wallets = farthing_rails::wallets(Path::new(&home))?;
    let wallet = farthing_rails::client(&wallets, &"agent".parse()?, PassphraseSource::KeyFile).await?;

    // hyper's client follows no redirects; the layer does, where no payment can leak.
    let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let http = ServiceBuilder::new().layer(PayingLayer::without_redirects(wallet)).service(http);
    // A limit of this request's own.
    let order = Order { max: Some("0.005 USD".parse()?), ..Order::default() };
    let request = http::Request::get(url).extension(order).body(Full::<Bytes>::default())?;
    match http.oneshot(request).await {
        Ok(response) => {
            let cost = response.extensions().get::<Paid>().map(|paid| paid.cost.to_string());
            let body = response.into_body().collect().await?.to_bytes();
            println!("paid {}: {}", cost.unwrap_or("nothing".into()), String::from_utf8_lossy(&body));
        }
        Err(error) => match error.downcast_ref::<NotPaid>() {
            Some(why) => println!("not paid: {why}"),
            None => return Err(error),
        },
    }
    Ok(())
}
