//! `farthing balance move`: a part of a payer's balance, from one shop's books to another's.

use std::process::ExitCode;

use clap::Args;
use farthing_books::AccountKind;
use farthing_books::ledger::{BooksId, Remittance};
use farthing_money::{Asset, Price, Rounding};
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use farthing_store::{AddressError, Books, Location, RemitError, Remitted, Sharing, Stage, call_back, remit};
use serde_json::json;

use crate::clock;
use crate::commands::password;
use crate::failure::{Failure, OrFail};
use crate::terminal;

#[derive(Args)]
pub(crate) struct Move {
    /// The payer, as `farthing wallet show` prints it.
    #[arg(long)]
    payer: String,
    /// How much, such as "5 USD".
    #[arg(long)]
    amount: Price,
    /// The books that it leaves: sqlite:PATH or postgres://user@host/database?schema=NAME.
    #[arg(long, value_parser = read)]
    from: Location,
    /// The books that it goes to.
    #[arg(long, value_parser = read)]
    to: Location,
    /// A name for it: the same name moves once, however often it is asked for. Default: what is moved and where.
    #[arg(long)]
    id: Option<String>,
    /// Give back what has not arrived, instead of going on with it.
    #[arg(long)]
    call_back: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn read(text: &str) -> Result<Location, AddressError> {
    text.parse()
}

impl Move {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let (from, to) = (open(&self.from)?, open(&self.to)?);
        let remittance = self.remittance(&from, &to).await?;
        let moved_before =
            from.transfer(remittance.departure().id).await.or_fail("the books cannot be read")?.is_some();
        let said = |stage: Stage| tracing::debug!(?stage, "a step of the way is durable");
        let ended = if self.call_back {
            call_back(&from, &to, &remittance, said).await
        } else {
            remit(&from, &to, &remittance, said).await
        };
        let ended = ended.map_err(|error| refused(&error, &remittance.asset))?;
        for books in [from, to] {
            books.close().await.or_fail("the books cannot be closed")?;
        }
        self.say(&remittance, ended, moved_before);
        Ok(if ended == Remitted::Arrived || self.call_back { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn remittance(&self, from: &Books, to: &Books) -> Result<Remittance, Failure> {
        let payer = PayerId::new(self.payer.clone());
        let asset = self.asset(from, &payer).await?;
        let converted = self.amount.in_asset(&asset, Rounding::Exact);
        let amount = converted.map_err(|error| Failure::wrong_use(error.to_string()))?.amount;
        let name = self.id.clone();
        let name = name.unwrap_or_else(|| format!("{} of {payer} from {} to {}", self.amount, self.from, self.to));
        let identity =
            async |books: &Books| books.identity(BooksId(rand::random())).await.or_fail("the books cannot be written");
        let (leaves, goes_to) = (identity(from).await?, identity(to).await?);
        if leaves == goes_to {
            return Err(Failure::wrong_use("these are the same books; name two".to_owned()));
        }
        Ok(Remittance { from: leaves, to: goes_to, name, payer, asset, amount, at: now() })
    }

    /// The one asset of this currency in which the payer has a balance.
    async fn asset(&self, from: &Books, payer: &PayerId) -> Result<Asset, Failure> {
        let accounts = from.accounts().await.or_fail("the books cannot be read")?;
        let currency = self.amount.currency();
        let own = |kind: &AccountKind| matches!(kind, AccountKind::Payer(of) if of == payer);
        let mut assets = accounts.into_iter().filter(|account| own(&account.id.kind)).map(|account| account.id.asset);
        let found = assets.by_ref().find(|asset| asset.code() == currency.as_str());
        found.ok_or_else(|| Failure::new(format!("{payer} has no balance in {currency} in the books at {}", self.from)))
    }

    fn say(&self, remittance: &Remittance, ended: Remitted, moved_before: bool) {
        let arrived = ended == Remitted::Arrived;
        if self.json {
            terminal::say_json(&json!({
                "id": remittance.id().to_string(),
                "payer": self.payer,
                "amount": remittance.amount.to_string(),
                "asset": remittance.asset.to_string(),
                "outcome": if arrived { "moved" } else { "returned" },
                "before": moved_before,
            }));
            return;
        }
        let amount = remittance.asset.display(remittance.amount);
        terminal::say(&match (arrived, moved_before) {
            (true, true) => {
                format!("{amount} was moved to {} before; to move as much again, name it with --id", self.to)
            }
            (true, false) => format!("{amount} is at {} now, and left {}", self.to, self.from),
            (false, _) => format!("{amount} was called back and stays at {}; to move it, name it with --id", self.from),
        });
    }
}

fn open(place: &Location) -> Result<Books, Failure> {
    if place.file().is_some_and(|file| !file.exists()) {
        return Err(Failure::new(format!("there are no books at {place}; name the file, or start their gateway once")));
    }
    Books::open(password::add_to(place.clone()), Sharing::Shared).or_fail("the books cannot be opened")
}

fn now() -> Timestamp {
    clock::now()
}

fn refused(error: &RemitError, asset: &Asset) -> Failure {
    Failure::new(match error {
        RemitError::Insufficient { available } => {
            format!("the balance holds {} only; nothing was moved", asset.display(*available))
        }
        other => other.to_string(),
    })
}
