use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use farthing_protocol::Credential;
use futures_util::stream;

use super::{Channel, Shop, UNIT};

/// `/stream/7` sends seven events of a unit each and waits for vouchers between them, as an honest seller does.
/// Others lie: `/stream-foreign`, `/stream-flood`, `/stream-huge`, `/stream-deep`, `/stream-overclaims`.
pub(super) async fn serve(shop: &Shop, credential: &Credential, path: &str) -> Response<Body> {
    let action = shop.read(credential);
    let taken = shop.record.lock().unwrap().accounts.take(&action, 0);
    let channel = match taken {
        Ok(channel) => channel,
        Err((problem, channel)) => {
            return shop.ask(Some(problem), channel.map(|channel| Shop::snapshot(&channel, UNIT)));
        }
    };
    let (kind, count) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), "3"));
    let state = State {
        shop: shop.clone(),
        credential: credential.clone(),
        channel: channel.id.clone(),
        kind: kind.to_owned(),
        left: count.parse().unwrap(),
        asked: false,
        over: false,
    };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(event)), state))
    });
    let receipt = shop.receipt(credential, &channel.id, channel.accepted, channel.spent).to_header();
    let response = Response::builder().header("content-type", "text/event-stream").header("payment-receipt", receipt);
    response.body(Body::from_stream(events)).unwrap()
}

struct State {
    shop: Shop,
    credential: Credential,
    channel: String,
    kind: String,
    left: u32,
    asked: bool,
    over: bool,
}

impl State {
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        match self.kind.as_str() {
            "stream" => self.honest().await,
            "stream-foreign" => Some(need("0x01", 2 * UNIT)),
            "stream-flood" => {
                let accepted = self.account().accepted;
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some(need(&self.channel, accepted + UNIT))
            }
            "stream-huge" => Some(need(&self.channel, u128::from(u64::MAX))),
            "stream-deep" => Some(need(&self.channel, self.account().deposit)),
            "stream-overclaims" => {
                self.over = true;
                Some(self.receipt(1_000_000))
            }
            other => panic!("{other}"),
        }
    }

    async fn honest(&mut self) -> Option<String> {
        if self.left == 0 {
            self.over = true;
            return Some(self.receipt(self.account().spent));
        }
        loop {
            if self.draw() {
                (self.left, self.asked) = (self.left - 1, false);
                return Some(format!("data: piece {}\n\n", self.left));
            }
            if !self.asked {
                self.asked = true;
                return Some(need(&self.channel, self.account().spent + UNIT));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn account(&self) -> Channel {
        self.shop.record.lock().unwrap().accounts.channels[&self.channel].clone()
    }

    fn draw(&self) -> bool {
        let mut record = self.shop.record.lock().unwrap();
        let channel = record.accounts.channels.get_mut(&self.channel).unwrap();
        let covered = channel.spent + UNIT <= channel.accepted;
        channel.spent += if covered { UNIT } else { 0 };
        covered
    }

    fn receipt(&self, spent: u128) -> String {
        let accepted = self.account().accepted.max(spent);
        let receipt = self.shop.receipt(&self.credential, &self.channel, accepted, spent).to_object();
        format!("event: payment-receipt\ndata: {}\n\n", serde_json::Value::Object(receipt))
    }
}

fn need(channel: &str, required: u128) -> String {
    let need = serde_json::json!({
        "channelId": channel, "requiredCumulative": required.to_string(), "acceptedCumulative": "0", "deposit": "0",
    });
    format!("event: payment-need-voucher\ndata: {need}\n\n")
}
