//! `farthing policy`: what a wallet may spend.

mod explain;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_money::Price;
use farthing_rail::Origin;
use farthing_wallet::policy::OriginLimit;
use farthing_wallet::{Policy as Limits, WalletName};
use serde_json::{Value, json};

use self::explain::Explain;
pub(super) use self::explain::explain;
use self::test::Test;
use super::home::{Home, WhichWallet};
use crate::failure::{Failure, OrFail};
use crate::terminal;

/// The limits of a wallet.
#[derive(Subcommand)]
pub(crate) enum Policy {
    /// What a wallet may spend.
    #[command(after_help = "Examples:\n  farthing policy show --wallet agent\n  farthing policy show --group research")]
    Show(Show),
    /// Set what a wallet may spend. What is not named is left as it is.
    #[command(
        after_help = "Example:\n  farthing policy set --wallet agent --total \"0.50 USD\" --per-payment \"0.01 USD\" --per-day \"0.20 USD\" --origin http://127.0.0.1:4020"
    )]
    Set(Set),
    /// Sign a policy that was edited by hand, after a look at it.
    #[command(after_help = "Example:\n  farthing policy sign --wallet agent")]
    Sign(Sign),
    /// What would happen if a URL were fetched, and which rule decides. Pays nothing.
    #[command(
        after_help = "Example:\n  farthing policy explain --wallet agent https://api.example.com/v1/forecast/paris"
    )]
    Explain(Explain),
    /// What would have come out differently, had this file been the wallet's policy: the recorded payments are decided
    /// on again. Nothing is changed or paid, and the file need not be signed.
    #[command(after_help = "Examples:\n  farthing policy test stricter.toml --wallet agent\n  \
        farthing policy test stricter.toml --since 30d --json\n\n\
        Exit code 0 when every payment comes out the same, 1 when any comes out differently, 2 for a file that is no \
        policy.")]
    Test(Test),
    /// The policies of a vault of the Open Wallet Standard, and which of their rules are not understood: a policy with
    /// one allows nothing.
    #[command(after_help = "Example:\n  farthing policy list --vault ~/.ows --json")]
    List(super::ows::Policies),
    /// Put a policy into a vault of the Open Wallet Standard.
    #[command(after_help = "Example:\n  farthing policy create --vault ~/.ows --file limits.json")]
    Create(super::ows::NewPolicy),
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: WhichWallet,
    /// The group, instead of a wallet.
    #[arg(long, conflicts_with = "wallet")]
    group: Option<WalletName>,
}

#[derive(Args)]
pub(crate) struct Set {
    /// The wallet.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// The group whose policy it is, instead of a wallet's; a wallet belongs to it by `parent = "NAME"`.
    #[arg(long, conflicts_with = "wallet")]
    group: Option<WalletName>,
    /// Take the whole policy from this TOML file; docs/policy.md says what can be in it.
    #[arg(long, conflicts_with_all = ["total", "per_payment", "per_day", "session_deposit", "prepaid", "recurring", "origins"])]
    file: Option<PathBuf>,
    /// The most that is ever spent.
    #[arg(long)]
    total: Option<Price>,
    /// The most for one payment.
    #[arg(long)]
    per_payment: Option<Price>,
    /// The most in one calendar day, UTC.
    #[arg(long)]
    per_day: Option<Price>,
    /// The most that one session may hold unspent; without it, what --per-payment says.
    #[arg(long)]
    session_deposit: Option<Price>,
    /// The most that balances at one seller, and at all of them together, are ever topped up with.
    #[arg(long)]
    prepaid: Option<Price>,
    /// The most that one period of all subscriptions together ever costs; without it nothing is subscribed to.
    #[arg(long)]
    recurring: Option<Price>,
    /// A server that may be paid; repeat for several. Replaces the list. `any` allows every server.
    #[arg(long = "origin")]
    origins: Vec<String>,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The wallet.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// The group whose policy it is, instead of a wallet's.
    #[arg(long, conflicts_with = "wallet")]
    group: Option<WalletName>,
    #[command(flatten)]
    home: Home,
}

impl Policy {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Show(which) => show(&which).await,
            Self::Set(set) => set.run().await,
            Self::Sign(sign) => sign.run().await,
            Self::List(policies) => policies.list(),
            Self::Create(policy) => policy.create(),
            Self::Explain(order) => order.run().await,
            Self::Test(test) => test.run().await,
        }
    }
}

async fn show(Show { which, group }: &Show) -> Result<ExitCode, Failure> {
    let wallets = which.home.wallets()?;
    let outdated = match group {
        Some(group) => wallets.outdated_group_policy(group).await,
        None => wallets.outdated_policy(&which.wallet).await,
    };
    // What is not even signed is said by reading it.
    if let Ok(Some(outdated)) = outdated {
        terminal::complain(&format!("this policy is not followed: {outdated}"));
    }
    let policy = match group {
        Some(group) => wallets.group_policy(group),
        None => wallets.show(&which.wallet).map(|summary| summary.policy),
    };
    match (policy.map_err(said)?, which.json) {
        (policy, true) => terminal::say_json(&policy.as_ref().map_or(Value::Null, to_json)),
        (Some(policy), false) => terminal::say(policy.to_toml().or_fail("the policy cannot be shown")?.trim_end()),
        (None, false) if group.is_some() => terminal::say("there is no such group"),
        (None, false) => terminal::say(&format!(
            "{0} has no policy and pays nothing; set one with: farthing policy set --wallet {0} --total \"1 USD\"",
            which.wallet
        )),
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes it the policy of a wallet or a group, signed by the owner, and shows it.
async fn keep(
    home: &Home,
    wallet: &WalletName,
    group: Option<&WalletName>,
    policy: &Limits,
) -> Result<ExitCode, Failure> {
    let (wallets, source) = (home.wallets()?, home.passphrase()?);
    let followed = match group {
        Some(group) => {
            wallets.set_group_policy(group, policy, &source).map_err(said)?;
            wallets.follow_group_policy(group).await
        }
        None => {
            wallets.set_policy(wallet, policy, &source).map_err(said)?;
            wallets.follow_policy(wallet).await
        }
    };
    followed.map_err(said)?;
    terminal::say(policy.to_toml().or_fail("the policy cannot be shown")?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

impl Sign {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let written = match &self.group {
            Some(group) => wallets.written_group_policy(group),
            None => wallets.written_policy(&self.wallet),
        };
        let written = written.map_err(said)?;
        let Some(policy) = written else {
            return Err(Failure::wrong_use("there is no policy to sign; set one with: farthing policy set"));
        };
        keep(&self.home, &self.wallet, self.group.as_ref(), &policy).await
    }
}

impl Set {
    async fn run(self) -> Result<ExitCode, Failure> {
        if let Some(file) = &self.file {
            return self.keep(&read(file)?).await;
        }
        let limits = [self.total, self.per_payment, self.per_day, self.session_deposit, self.prepaid, self.recurring];
        let Some(currency) = limits.into_iter().flatten().map(Price::currency).next() else {
            if self.origins.is_empty() {
                return Err(Failure::wrong_use(
                    "nothing to set; name --total, --per-day, --per-payment, --session-deposit, --prepaid, --recurring or --origin",
                ));
            }
            return self.apply(None).await;
        };
        self.apply(Some(currency)).await
    }

    async fn apply(self, currency: Option<farthing_money::Currency>) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let before = match &self.group {
            Some(group) => wallets.group_policy(group),
            None => wallets.policy(&self.wallet),
        };
        let before = before.map_err(said)?;
        let currency = match (currency, &before) {
            (Some(currency), _) => currency,
            (None, Some(before)) => before.currency,
            (None, None) => return Err(Failure::wrong_use("a first policy needs a sum; name --total or --per-day")),
        };
        let before = before.unwrap_or_else(|| Limits::new(currency));
        let policy = Limits {
            currency,
            total: self.total.or(before.total),
            per_payment: self.per_payment.or(before.per_payment),
            per_day: self.per_day.or(before.per_day),
            session_deposit: self.session_deposit.or(before.session_deposit),
            prepaid: self.prepaid.or(before.prepaid),
            recurring: self.recurring.or(before.recurring),
            origins: origins(&self.origins, before.origins.clone())?,
            ..before
        };
        self.keep(&policy).await
    }

    async fn keep(&self, policy: &Limits) -> Result<ExitCode, Failure> {
        keep(&self.home, &self.wallet, self.group.as_ref(), policy).await
    }
}

/// The policy in a file.
fn read(file: &Path) -> Result<Limits, Failure> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Failure::wrong_use(format!("{}: {error}", file.display())))?;
    text.parse().map_err(|error| Failure::wrong_use(format!("{error}")))
}

fn origins(named: &[String], before: Option<Vec<OriginLimit>>) -> Result<Option<Vec<OriginLimit>>, Failure> {
    match named {
        [] => Ok(before),
        [any] if any == "any" => Ok(None),
        named => named
            .iter()
            .map(|text| {
                let origin: Origin = text.parse().map_err(|error| Failure::wrong_use(format!("{error}")))?;
                let known = before.iter().flatten().find(|known| known.origin == origin).cloned();
                Ok(known.unwrap_or(OriginLimit::new(origin)))
            })
            .collect::<Result<_, _>>()
            .map(Some),
    }
}

/// A policy as scripts read it.
pub(super) fn to_json(policy: &Limits) -> Value {
    let text = |price: Option<Price>| price.map(|price| price.to_string());
    let origins = policy.origins.as_ref().map(|origins| {
        let listed = origins.iter().map(
            |origin| json!({ "origin": origin.origin.as_str(), "limit": text(origin.limit), "payees": origin.payees, "offer_signer": origin.offer_signer }),
        );
        listed.collect::<Vec<_>>()
    });
    json!({
        "currency": policy.currency.as_str(),
        "total": text(policy.total),
        "per_payment": text(policy.per_payment),
        "per_day": text(policy.per_day),
        "session_deposit": text(policy.session_deposit),
        "prepaid": text(policy.prepaid),
        "recurring": text(policy.recurring),
        "origins": origins,
        "parent": policy.parent,
        "methods": policy.methods,
        "expires": policy.expires.map(|at| at.to_rfc3339()),
        "text": policy.to_toml().ok(),
    })
}
