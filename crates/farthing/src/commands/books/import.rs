//! `farthing books import`: statements of a bank account into the books.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_gateway::Config;
use farthing_gateway::funding::{Progress, import};
use farthing_rail::FundingAccount;
use farthing_store::{Books, Sharing};
use indicatif::{HumanCount, ProgressBar};
use serde_json::{Value, json};

use crate::commands::admin::Admin;
use crate::commands::password;
use crate::failure::{Failure, OrFail};
use crate::{clock, environment, rails, terminal};

#[derive(Args)]
pub(crate) struct Import {
    /// Statements (camt.053) and notifications (camt.054), in any order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The gateway's configuration, when no gateway is running: it says whose account it is, and where the books are.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The NAME of the account's [rails.NAME] table, where there are several.
    #[arg(long)]
    rail: Option<String>,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON, a line for each file.
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match &self.config {
            Some(config) => self.offline(config).await,
            None => self.through_the_gateway().await,
        }
    }

    /// Into the books of a gateway that runs.
    async fn through_the_gateway(&self) -> Result<ExitCode, Failure> {
        for file in &self.files {
            let path = match &self.rail {
                Some(rail) => format!("/admin/statements?rail={}", urlencoded(rail)),
                None => "/admin/statements".to_owned(),
            };
            let waiting = terminal::spinner(&format!("{}", file.display()));
            let answer = self.admin.upload(&path, file).await;
            waiting.finish_and_clear();
            let answer = answer.map_err(|refused| Failure::new(format!("{}: {refused}", file.display())))?;
            self.say(file, &answer);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Into books that nobody else has open.
    async fn offline(&self, config: &Path) -> Result<ExitCode, Failure> {
        let config = Config::load(config, Arc::new(environment::variable));
        let config = config.map_err(|error| Failure::wrong_use(error.to_string()))?;
        let account = self.account(rails::funding_accounts(&config)?)?;
        let books = Books::open(password::add_to(config.store.clone()), Sharing::Exclusive).map_err(|error| {
            Failure::new(format!("{error}; while a gateway runs, leave --config out and name its --admin address"))
        })?;
        let imported = self.all(&books, &account).await;
        books.close().await.or_fail("the books could not be closed")?;
        imported.map(|()| ExitCode::SUCCESS)
    }

    fn account(&self, accounts: Vec<Arc<dyn FundingAccount>>) -> Result<Arc<dyn FundingAccount>, Failure> {
        let named = |account: &&Arc<dyn FundingAccount>| self.rail.as_deref().is_none_or(|rail| account.name() == rail);
        let mut found = accounts.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(account), None) => Ok(Arc::clone(account)),
            _ => {
                let names: Vec<&str> = accounts.iter().map(|account| account.name()).collect();
                let names = names.join(", ");
                Err(Failure::wrong_use(format!("say whose statements these are with --rail NAME; there are: {names}")))
            }
        }
    }

    async fn all(&self, books: &Books, account: &Arc<dyn FundingAccount>) -> Result<(), Failure> {
        for file in &self.files {
            let bar = terminal::spinner("");
            let mut show = |progress: Progress| bar.set_message(shown(file, progress, &bar));
            let done = import(books, account, file, clock::now(), &mut show).await;
            bar.finish_and_clear();
            let done = done.map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
            self.say(file, &done.to_json());
        }
        Ok(())
    }

    fn say(&self, file: &Path, answer: &Value) {
        if self.json {
            let mut line = answer.clone();
            if let Some(members) = line.as_object_mut() {
                members.insert("file".to_owned(), json!(file.display().to_string()));
            }
            terminal::say_json(&line);
            return;
        }
        let count = |member: &str| answer.get(member).and_then(Value::as_u64).unwrap_or_default();
        if answer.get("known").and_then(Value::as_bool) == Some(true) {
            terminal::say(&format!("{}: is in the books already, all {} entries", file.display(), count("entries")));
            return;
        }
        let words = [
            ("credited", "credited to balances"),
            ("suspended", "in suspense"),
            ("paid_out", "paid out"),
            ("returned", "payouts that came back"),
            ("taken_back", "taken back by the bank"),
            ("withdrawn", "gone out otherwise"),
            ("confirmed", "known from a notification"),
            ("repeated", "known before"),
        ];
        let parts: Vec<String> = words
            .into_iter()
            .filter(|(member, _)| count(member) > 0)
            .map(|(member, words)| format!("{} {words}", count(member)))
            .collect();
        terminal::say(&format!("{}: {} entries; {}", file.display(), count("entries"), parts.join(", ")));
    }
}

fn shown(file: &Path, progress: Progress, bar: &ProgressBar) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let entries = HumanCount(progress.entries);
    match progress.total {
        Some(total) => {
            bar.set_length(total);
            bar.set_position(progress.entries);
            let percent = progress.entries.saturating_mul(100).checked_div(total).unwrap_or(100);
            format!("{name}: {percent} %, {entries} of {} entries in the books", HumanCount(total))
        }
        None => format!("{name}: checking, {entries} entries"),
    }
}

fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
