//! One purchase by a charge: a price, a credential, and the same credential again until there is an end.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use farthing_load::buyer::Buyer;
use farthing_protocol::{Challenge, Credential, JsonObject};
use http::HeaderValue;

use crate::journal::{Journal, Purchase, Way};
use crate::shop::{Answer, Shop};
use crate::upstream::DOOMED;

/// How long a buyer keeps coming back before the trial itself has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Between two attempts where nobody answers.
pub(crate) const SILENT: Duration = Duration::from_millis(15);
/// Between two attempts where the gateway says later. Sooner than it asks for: a trial wants trouble.
pub(crate) const SOON: Duration = Duration::from_millis(120);
/// How often a buyer comes for what is never delivered before it goes away.
const TRIES: u32 = 3;

/// What can be paid for this.
pub(crate) async fn price(shop: &Shop, journal: &Journal, path: &str) -> anyhow::Result<Challenge> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match shop.ask(path, None).await {
            Answer::Price { challenges, .. } => {
                return challenges.into_iter().next().with_context(|| format!("{path}: a 402 without a challenge"));
            }
            Answer::Silence => tokio::time::sleep(SILENT).await,
            Answer::Later { status, .. } => {
                journal.note_later(status);
                tokio::time::sleep(SOON).await;
            }
            other => bail!("{path}: not paid for, and answered with {other:?}"),
        }
    }
    bail!("{path}: no price within {PATIENCE:?}")
}

/// Buys this; `again` presents the credential once more afterwards, as a thief of it would.
pub(crate) async fn buy(
    shop: &Shop,
    buyer: &Buyer,
    journal: &Journal,
    way: Way,
    path: String,
    again: bool,
) -> anyhow::Result<()> {
    let challenge = price(shop, journal, &path).await?;
    let credential = match way {
        Way::Rail => token(&challenge)?,
        _ => buyer.pay(&challenge)?,
    };
    let challenge = challenge.id().as_str().to_owned();
    let mut purchase = Purchase { path, way, challenge, delivered: Vec::new(), refused: None };
    let ended = present(shop, journal, &credential, &mut purchase).await;
    if again && ended.is_ok() && !purchase.delivered.is_empty() {
        present(shop, journal, &credential, &mut purchase).await?;
    }
    journal.note_purchase(purchase);
    ended
}

/// Presents a credential until it is answered for good.
async fn present(
    shop: &Shop,
    journal: &Journal,
    credential: &HeaderValue,
    purchase: &mut Purchase,
) -> anyhow::Result<()> {
    let (since, mut tries) = (Instant::now(), 0);
    while since.elapsed() < PATIENCE {
        match shop.ask(&purchase.path, Some(credential)).await {
            Answer::Delivered(generation) => {
                journal.note_delivery();
                purchase.delivered.push(generation);
                return Ok(());
            }
            Answer::Price { problem, .. } => {
                purchase.refused = Some(problem);
                return Ok(());
            }
            Answer::Later { status, says_when } => {
                tries += 1;
                journal.note_later(status);
                if !says_when {
                    journal.note_odd(format!("{}: {status} without Retry-After", purchase.path));
                }
                if tries >= TRIES && purchase.path.contains(DOOMED) {
                    return Ok(());
                }
                tokio::time::sleep(SOON).await;
            }
            Answer::Silence => tokio::time::sleep(SILENT).await,
            Answer::Other { status, text } => {
                journal.note_odd(format!("{}: {status} {text}", purchase.path));
                return Ok(());
            }
        }
    }
    bail!("{}: no end of it within {PATIENCE:?}", purchase.path)
}

/// The `Authorization` value that pays over the simulated rail: its tokens are made of nothing.
fn token(challenge: &Challenge) -> anyhow::Result<HeaderValue> {
    let mut payload = JsonObject::new();
    payload.insert("token".into(), challenge.id().as_str().into());
    Ok(HeaderValue::from_str(&Credential::new(challenge.clone(), payload, None).to_header())?)
}
