//! A buyer by sessions on `mpp`. ../README.md has its one argument.

mod socket;

use std::error::Error;

use alloy::signers::local::PrivateKeySigner;
use mpp::client::{Fetch as _, TempoSessionProvider};
use reqwest::{Client, Response};
use serde_json::{Value, json};

/// What a session may lock up at most, in base units.
const MOST: u128 = 1_000_000;

struct Buyer {
    http: Client,
    session: TempoSessionProvider,
    url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let wish: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("usage: session-buyer WISH")?)?;
    let account = text(&wish, "key")?.parse::<PrivateKeySigner>()?;
    let session = TempoSessionProvider::new(account, text(&wish, "rpc")?)?
        .with_escrow_contract(text(&wish, "escrow")?.parse()?)
        .with_max_deposit(MOST);
    let buyer = Buyer { http: Client::new(), session, url: text(&wish, "url")?.to_owned() };
    let (delivered, receipt) = match text(&wish, "way")? {
        "plain" => (buyer.plain(wish["count"].as_u64().ok_or("no count")?).await?, buyer.close().await?),
        "sse" => (buyer.sse().await?, buyer.close().await?),
        "ws" => buyer.socket().await?,
        way => return Err(format!("there is no way {way}").into()),
    };
    println!("{}", json!({ "delivered": delivered, "receipt": receipt }));
    Ok(())
}

impl Buyer {
    async fn close(&self) -> Result<Value, Box<dyn Error>> {
        Ok(json!(self.session.close(&self.http, &self.url).await?))
    }

    async fn request(&self) -> Result<Response, Box<dyn Error>> {
        let request = self.http.get(&self.url).header("accept-payment", "tempo/session");
        let response = request.send_with_payment(&self.session).await?;
        if !response.status().is_success() {
            return Err(format!("{}: {}", response.status(), response.text().await?).into());
        }
        Ok(response)
    }

    /// One request after the other.
    async fn plain(&self, count: u64) -> Result<Vec<String>, Box<dyn Error>> {
        let mut bodies = Vec::new();
        for _ in 0..count {
            bodies.push(self.request().await?.text().await?);
        }
        Ok(bodies)
    }

    /// One stream, with a voucher whenever it asks for one.
    async fn sse(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let mut response = self.request().await?;
        let mut unread = String::new();
        let mut words = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            unread += std::str::from_utf8(&chunk)?;
            while let Some((event, rest)) = unread.split_once("\n\n") {
                let (name, data) = parts(event);
                match self.session.stream_event(&self.http, &self.url, name, &data) {
                    Some(answered) => answered.await?,
                    None => words.push(data),
                }
                unread = rest.to_owned();
            }
        }
        Ok(words)
    }
}

/// The name and the data of an event.
fn parts(event: &str) -> (&str, String) {
    let field = |name: &'static str| event.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "));
    let name = field("event").last().unwrap_or("message");
    (name, field("data").collect::<Vec<_>>().join("\n"))
}

fn text<'a>(wish: &'a Value, name: &str) -> Result<&'a str, String> {
    wish[name].as_str().ok_or_else(|| format!("the wish has no {name}"))
}
