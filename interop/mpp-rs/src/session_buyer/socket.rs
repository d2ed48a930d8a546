//! A session over a WebSocket, in the frames of the documentation: the socket is ours, every credential is the SDK's.

use std::error::Error;
use std::net::TcpStream;

use mpp::{PaymentChallenge, PaymentCredential, format_authorization, parse_www_authenticate_all};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::Buyer;

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl Buyer {
    /// One stream; returns what it delivered and the receipt of the close.
    pub async fn socket(&self) -> Result<(Vec<String>, Value)> {
        let challenge = self.challenge().await?;
        let (mut socket, _) = tungstenite::connect(self.url.replacen("http", "ws", 1))?;
        let opening = self.session.application_websocket_credential(&challenge).await?;
        send(&mut socket, &opening)?;
        let mut words = Vec::new();
        let mut closing = None;
        loop {
            let frame = next(&mut socket)?;
            let data = &frame["data"];
            match frame["mpp"].as_str() {
                Some("message") => words.push(text(data)?),
                Some("payment-receipt") if closing.is_some() => return Ok((words, data.clone())),
                Some("payment-receipt") => {
                    self.session
                        .acknowledge_accepted(&text(&data["channelId"])?, amount(&data["acceptedCumulative"])?)
                        .await?;
                }
                Some("payment-need-voucher") => send(&mut socket, &self.voucher(&challenge, data).await?)?,
                Some("payment-close-ready") => {
                    let (channel, spent) = (text(&data["channelId"])?, amount(&data["spent"])?);
                    let credential =
                        self.session.close_credential_at_for_challenge(&challenge, &channel, spent).await?;
                    send(&mut socket, &credential)?;
                    closing = Some(credential);
                }
                _ => return Err(format!("the seller says {frame}").into()),
            }
        }
    }

    /// What the seller asks for before the socket is opened.
    async fn challenge(&self) -> Result<PaymentChallenge> {
        let response = self.http.get(&self.url).send().await?;
        let lines = response.headers().get_all("www-authenticate").iter().filter_map(|line| line.to_str().ok());
        let challenges = parse_www_authenticate_all(lines).into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        let session = challenges.into_iter().find(|each| each.intent.as_str() == "session");
        Ok(session.ok_or("the seller does not sell by sessions")?)
    }

    async fn voucher(&self, challenge: &PaymentChallenge, needed: &Value) -> Result<PaymentCredential> {
        let (required, deposit) = (amount(&needed["requiredCumulative"])?, amount(&needed["deposit"])?);
        let channel = text(&needed["channelId"])?;
        let voucher = self.session.voucher_credential_with_top_up_for_challenge(
            &self.http,
            &self.url,
            HeaderMap::new(),
            challenge,
            &channel,
            required,
            deposit,
        );
        Ok(voucher.await?)
    }
}

fn send(socket: &mut Socket, credential: &PaymentCredential) -> Result<()> {
    let frame = json!({ "mpp": "authorization", "authorization": format_authorization(credential)? });
    Ok(socket.send(Message::text(frame.to_string()))?)
}

/// The next frame of text.
fn next(socket: &mut Socket) -> Result<Value> {
    loop {
        match socket.read()? {
            Message::Text(frame) => return Ok(serde_json::from_str(&frame)?),
            Message::Close(reason) => return Err(format!("the seller closed: {reason:?}").into()),
            _ => {}
        }
    }
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().ok_or_else(|| format!("{value} is no text"))?.to_owned())
}

fn amount(value: &Value) -> Result<u128> {
    Ok(text(value)?.parse()?)
}
