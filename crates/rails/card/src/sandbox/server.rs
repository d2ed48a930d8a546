use std::fmt;
use std::path::Path;
use std::time::Duration;

use farthing_keys::{FileError, private_file};
use farthing_money::Amount;
use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::{
    Answer, Cursor, Direction, Finality, Movement, RailError, RailStatement, Refund, Settled, Standing,
};
use sha2::{Digest, Sha256};

use super::ledger::{Ledger, Line, Verdict};
use super::{DECLINED, LedgerError, receipt_members};
use crate::jwe::{DecryptionKey, UnusableKey};
use crate::seller::{Asked, Authorisation, Clock, Done, Outcome, ServerEnabler, movement};
use crate::token::is_over;
use crate::{KeySource, NetworkToken, Random};

const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A server's enabler that moves no money. It has a key of its own, opens tokens, checks them as an acquirer would,
/// uses up each cryptogram once, and remembers what it said in a file.
pub struct SandboxServer {
    key: DecryptionKey,
    source: KeySource,
    ledger: Ledger,
    random: Random,
    now: Clock,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The file of its key.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is in that file.
    #[error("{error}; remove the file of the sandbox's key beside the books, and it makes another")]
    Key {
        /// What is wrong.
        #[from]
        error: UnusableKey,
    },
    /// See [`LedgerError`].
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl SandboxServer {
    /// With what it keeps in this folder under this name; made where there is none.
    pub fn in_folder(folder: &Path, name: &str, random: Random, now: Clock) -> Result<Self, SandboxError> {
        let (file, kid) = (folder.join(format!("{name}-sandbox-key.der")), format!("{name}-sandbox"));
        let key = match private_file::read(&file) {
            Ok(bytes) => DecryptionKey::from_pkcs8(&bytes, &kid)?,
            Err(error) if error.is_absent() => {
                let key = DecryptionKey::generate(&kid)?;
                private_file::write_new(&file, key.reveal())?;
                key
            }
            Err(error) => return Err(error.into()),
        };
        let ledger = Ledger::kept_in(&folder.join(format!("{name}-sandbox.jsonl")))?;
        Ok(Self { source: KeySource::Embedded(key.public().clone()), key, ledger, random, now })
    }

    /// Opens and judges a token as an acquirer would, but for the card's own bank.
    fn judge(&self, order: &Authorisation, before: &[Line]) -> (Verdict, Option<String>) {
        let token = match self.opened(order) {
            Ok(token) => token,
            Err(why) => return (Verdict::Unusable(why), None),
        };
        let used = token.dynamic.value.as_ref().map(|value| hexadecimal(value.reveal()));
        if used.is_some() && before.iter().any(|line| line.used == used) {
            return (Verdict::Unusable("the cryptogram was used before".to_owned()), None);
        }
        if token.number.reveal().ends_with(DECLINED) {
            return (Verdict::Declined("the sandbox declines this number".to_owned()), used);
        }
        (Verdict::Done, used)
    }

    fn opened(&self, order: &Authorisation) -> Result<NetworkToken, String> {
        let plain = self.key.open(order.payload.encrypted.reveal(), self.random).map_err(|error| error.to_string())?;
        let token = NetworkToken::read(&plain).map_err(|error| error.to_string())?;
        let now = (self.now)();
        if token.challenge.as_ref().is_some_and(|challenge| *challenge != order.asked.challenge) {
            return Err("the token was made for another challenge".to_owned());
        }
        if token.dynamic.expires.is_some_and(|end| end <= now) {
            return Err("the token's dynamic data has ended".to_owned());
        }
        if is_over(token.ends.reveal(), now) {
            return Err("the token has ended".to_owned());
        }
        Ok(token)
    }

    fn said(&self, line: Line) -> Outcome {
        match line.verdict {
            Verdict::Declined(reason) => Outcome::Declined(reason),
            Verdict::Unusable(reason) => Outcome::Unusable(reason),
            Verdict::Done => match line.amount.parse() {
                Ok(amount) => Outcome::Done(Done {
                    reference: line.reference,
                    amount,
                    at: Timestamp::from_unix_millis(line.at),
                    fee: Amount::ZERO,
                }),
                Err(_) => in_doubt("the sandbox's file holds something else than an amount"),
            },
        }
    }

    fn decided(&self, name: &str, decide: impl FnOnce(&[Line]) -> Line) -> Outcome {
        match self.ledger.decide(name, decide) {
            Ok(line) => self.said(line),
            Err(error) => in_doubt(&format!("the sandbox cannot write its file: {error}")),
        }
    }

    fn line(&self, name: &str, amount: Amount, asset: &farthing_money::Asset) -> Line {
        Line {
            name: name.to_owned(),
            reference: format!("sandbox-{}", hexadecimal(name).get(..24).unwrap_or_default()),
            verdict: Verdict::Done,
            amount: amount.to_string(),
            asset: asset.to_string(),
            at: (self.now)().unix_millis(),
            back: false,
            used: None,
        }
    }

    fn page(&self, after: &Cursor) -> Result<RailStatement, RailError> {
        let (lines, next) = self.ledger.done_after(after.0.parse().unwrap_or(0));
        let unreadable = |_| RailError("the sandbox's file holds something else than what it wrote".to_owned());
        let movements = lines.into_iter().map(|line| {
            Ok(Movement {
                key: movement(&line.reference),
                direction: if line.back { Direction::Out } else { Direction::In },
                payer: None,
                amount: line.amount.parse().map_err(|_| unreadable(()))?,
                asset: line.asset.parse().map_err(|_| unreadable(()))?,
                at: Timestamp::from_unix_millis(line.at),
                reference: line.reference,
            })
        });
        Ok(RailStatement {
            movements: movements.collect::<Result<_, _>>()?,
            next: Cursor(next.to_string()),
            more: false,
        })
    }
}

impl ServerEnabler for SandboxServer {
    fn key(&self) -> &KeySource {
        &self.source
    }

    fn authorise<'a>(&'a self, order: &'a Authorisation) -> Answer<'a, Outcome> {
        let Asked { challenge, amount, asset, .. } = &order.asked;
        let outcome = self.decided(challenge, |before| {
            let (verdict, used) = self.judge(order, before);
            Line { verdict, used, ..self.line(challenge, *amount, asset) }
        });
        Box::pin(std::future::ready(outcome))
    }

    fn look_up<'a>(&'a self, asked: &'a Asked) -> Answer<'a, Option<Outcome>> {
        let found = self.ledger.find(&asked.challenge).map(|line| self.said(line));
        Box::pin(std::future::ready(found))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Outcome> {
        let name = format!("refund {} {}", refund.payment, refund.amount);
        let line = Line { back: true, ..self.line(&name, refund.amount, &refund.asset) };
        let outcome = self.decided(&name, |_| line);
        Box::pin(std::future::ready(outcome))
    }

    fn standing<'a>(&'a self, _: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(std::future::ready(Standing::Final))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        Box::pin(std::future::ready(self.page(after)))
    }

    fn finality(&self) -> Finality {
        Finality::Immediate
    }

    fn receipt_members(&self) -> JsonObject {
        receipt_members()
    }
}

impl fmt::Debug for SandboxServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SandboxServer(..)")
    }
}

fn in_doubt(reason: &str) -> Outcome {
    Outcome::InDoubt { reason: reason.to_owned(), ask_again: ASK_AGAIN }
}

fn hexadecimal(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
