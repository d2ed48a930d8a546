//! A payer of sessions: one deposit, many vouchers, and an end.

use std::time::{Duration, Instant};

use anyhow::bail;
use farthing_load::buyer::{Buyer, Session};
use http::HeaderValue;

use crate::journal::{Journal, SessionSeen, Way};
use crate::purchase::{PATIENCE, SILENT, SOON, price};
use crate::shop::{Answer, Shop};

/// How many requests a session pays for.
const LENGTH: u32 = 40;

/// How long what a gateway held that is dead may stay held: on a server it takes the others two seconds to see a death.
const FREED: Duration = Duration::from_secs(20);

/// How a request of a session ended.
enum End {
    Delivered(u32),
    /// The voucher is used up, and nothing came.
    UsedUp,
    /// The session serves nothing more.
    Over,
}

/// Opens a session, buys by it until it is used up or the trial is over, resting after each purchase, and closes it.
pub(crate) async fn run(
    shop: &Shop,
    buyer: &Buyer,
    journal: &Journal,
    name: &str,
    rest: Duration,
) -> anyhow::Result<()> {
    let path = |number: u32| format!("/{}/{name}-{number}", Way::Session.path());
    let challenge = price(shop, journal, &path(0)).await?;
    let mut session = Session::new(buyer, challenge, 1)?;
    let mut seen = SessionSeen { channel: session.channel().to_owned(), ..Default::default() };
    for number in 0..LENGTH {
        let credential = if number == 0 { session.open(u128::from(LENGTH))? } else { session.pay()? };
        seen.signed = session.signed()?.units();
        match present(shop, journal, &path(number), &credential).await? {
            End::Delivered(process) => {
                *seen.delivered.entry(process).or_default() += 1;
                seen.acknowledged = seen.signed;
            }
            End::UsedUp => seen.unanswered += 1,
            End::Over => break,
        }
        if journal.is_over() {
            break;
        }
        tokio::time::sleep(rest).await;
    }
    close(shop, journal, &session, &path(LENGTH)).await?;
    journal.note_session(seen);
    Ok(())
}

/// Presents the same voucher until there is an end.
async fn present(shop: &Shop, journal: &Journal, path: &str, credential: &HeaderValue) -> anyhow::Result<End> {
    let (since, mut used_up) = (Instant::now(), None::<Instant>);
    while since.elapsed() < PATIENCE {
        match shop.ask(path, Some(credential)).await {
            Answer::Delivered(process) => {
                journal.note_delivery();
                return Ok(End::Delivered(process));
            }
            Answer::Price { problem, .. } if problem == "insufficient-balance" => {
                if used_up.get_or_insert_with(Instant::now).elapsed() > FREED {
                    return Ok(End::UsedUp);
                }
                tokio::time::sleep(SOON).await;
            }
            Answer::Price { problem, .. } => {
                journal.note_odd(format!("{path}: refused with {problem}"));
                return Ok(End::Over);
            }
            Answer::Later { status, says_when } => {
                journal.note_later(status);
                // The server behind, whose failure is passed on as it is, does not say when.
                if !says_when && !path.ends_with('7') {
                    journal.note_odd(format!("{path}: {status} without Retry-After"));
                }
                tokio::time::sleep(SOON).await;
            }
            Answer::Silence => tokio::time::sleep(SILENT).await,
            Answer::Other { status, text } => {
                journal.note_odd(format!("{path}: {status} {text}"));
                return Ok(End::Over);
            }
        }
    }
    bail!("{path}: no end of it within {PATIENCE:?}")
}

async fn close(shop: &Shop, journal: &Journal, session: &Session<'_>, path: &str) -> anyhow::Result<()> {
    let credential = session.close()?;
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match shop.ask(path, Some(&credential)).await {
            // Closed, now or by an attempt whose answer was lost.
            Answer::Delivered(_) | Answer::Other { status: 410, .. } => return Ok(()),
            Answer::Later { status, .. } => {
                journal.note_later(status);
                tokio::time::sleep(SOON).await;
            }
            Answer::Silence => tokio::time::sleep(SILENT).await,
            other => bail!("{path}: a session that cannot be closed: {other:?}"),
        }
    }
    bail!("{path}: not closed within {PATIENCE:?}")
}
