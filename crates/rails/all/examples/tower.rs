//! Any tower service that sends HTTP requests, here hyper's client, pays by itself:
//! `cargo run -p farthing-rails --example tower -- HOME URL`

use std::path::Path;

use bytes::Bytes;
use farthing_rails::wallet::PassphraseSource;
use farthing_rails::wallet::client::{NotPaid, Order, Paid, PayingLayer};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{BoxError, ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let (home, url) = words.next().zip(words.next()).ok_or("say what: tower HOME URL")?;
    println!("{}", fetch(Path::new(&home), &url).await?);
    Ok(())
}

pub(crate) async fn fetch(home: &Path, url: &str) -> Result<String, BoxError> {
    let wallets = farthing_rails::wallets(home)?;
    let wallet = farthing_rails::client(&wallets, &"agent".parse()?, PassphraseSource::KeyFile).await?;

    // hyper's client follows no redirects; the layer does, where no payment can leak.
    let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let http = ServiceBuilder::new().layer(PayingLayer::without_redirects(wallet)).service(http);
    // A limit of this request's own.
    let order = Order { max: Some("0.005 USD".parse()?), ..Order::default() };
    let request = http::Request::get(url).extension(order).body(Full::<Bytes>::default())?;
    match http.oneshot(request).await {
        Ok(response) => {
            let cost = response.extensions().get::<Paid>().map(|paid| format!("paid {}", paid.cost));
            let body = response.into_body().collect().await?.to_bytes();
            Ok(format!("{}: {}", cost.unwrap_or("free".into()), String::from_utf8_lossy(&body)))
        }
        Err(error) => Ok(format!("not paid: {}", error.downcast::<NotPaid>()?)),
    }
}
