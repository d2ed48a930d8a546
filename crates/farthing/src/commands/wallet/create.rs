//! `farthing wallet create`: a wallet in one command, with keys of its own and limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use farthing_keys::{DEFAULT_PATH, Phrase, Secp256k1Key, private_file};
use farthing_money::Price;
use farthing_rail::Origin;
use farthing_wallet::policy::OriginLimit;
use farthing_wallet::template::{self, TEMPLATES, Template};
use farthing_wallet::{Policy, WalletName, Wallets};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::sharing::Sharing;
use super::{One, say, say_names, summary_json};
use crate::commands::key::delegated::Lasting;
use crate::failure::{Failure, OrFail};
use crate::{clock, terminal};

#[derive(Args)]
pub(crate) struct Create {
    /// A file with a BIP-39 phrase, whose account on chains becomes the wallet's. The phrase is not kept;
    /// the key for prepaid balances is fresh.
    #[arg(long, conflicts_with = "key_file")]
    phrase_file: Option<PathBuf>,
    /// Which account of the phrase (BIP-32).
    #[arg(long, requires = "phrase_file", default_value = DEFAULT_PATH)]
    path: String,
    /// A file with a secp256k1 private key in hexadecimal, whose account on chains becomes the wallet's.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// What it is for, in your words; shown wherever the wallet is.
    #[arg(long = "for", value_name = "PURPOSE")]
    purpose: Option<String>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    one: One,
}

/// What the wallet may spend from the start.
#[derive(Args)]
struct Limits {
    /// Begin with these limits: a template's name (see farthing wallet templates), or a file with a policy.
    #[arg(long, value_name = "NAME|FILE")]
    template: Option<String>,
    /// Fill in what the template leaves open; repeat for several.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair, requires = "template")]
    values: Vec<(String, String)>,
    /// The most that is ever spent, whatever the template says.
    #[arg(long)]
    total: Option<Price>,
    /// The most for one payment.
    #[arg(long)]
    per_payment: Option<Price>,
    /// The most in one calendar day, UTC.
    #[arg(long)]
    per_day: Option<Price>,
    /// The most that one session may hold unspent.
    #[arg(long)]
    session_deposit: Option<Price>,
    /// A server that may be paid; repeat for several. Without it, what the template says.
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<Origin>,
    /// The group whose policy has to allow every payment too, and counts it.
    #[arg(long, value_name = "GROUP")]
    parent: Option<WalletName>,
    /// After how long it pays nothing any more: 12h, 7d.
    #[arg(long, value_name = "DURATION")]
    expires: Option<Lasting>,
    /// What it may pay out of; repeat for several. Without it, whatever it has. It becomes `methods` of the policy.
    #[arg(long = "fund-from", value_name = "SOURCE")]
    sources: Vec<Source>,
}

/// What a wallet pays out of.
#[derive(Clone, Copy, ValueEnum)]
enum Source {
    /// Balances that were paid for ahead, at gateways.
    Balance,
    /// Its account on Tempo.
    Tempo,
    /// Its account on other chains, x402 among what it is asked for by.
    Evm,
}

impl Source {
    /// The methods that pay out of it.
    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Balance => &["balance"],
            Self::Tempo => &["tempo"],
            Self::Evm => &["evm", "x402"],
        }
    }
}

#[derive(Args)]
pub(crate) struct Templates {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `name=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("\"{text}\" is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Create {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        // Before anything is made: a wallet is not left behind without its limits.
        let (key, policy) = (self.key()?, self.limits.policy()?);
        let One { name, json, home } = self.one;
        let wallets = self.sharing.among(home.wallets()?)?;
        if let Some(parent) = &self.limits.parent {
            must_be_a_group(&wallets, parent)?;
        }
        let source = home.new_passphrase()?;
        match key {
            Some(key) => wallets.create_with(&name, &source, &key).map_err(say)?,
            None => wallets.create(&name, &source).map_err(say)?,
        };
        if let Some(purpose) = &self.purpose {
            wallets.set_purpose(&name, purpose).map_err(say)?;
        }
        if let Some(policy) = &policy {
            wallets.set_policy(&name, policy, &source).map_err(say)?;
        }
        let summary = wallets.show(&name).map_err(say)?;
        if json {
            terminal::say_json(&summary_json(&summary));
            return Ok(ExitCode::SUCCESS);
        }
        say_names(&summary);
        if let Some(policy) = policy {
            terminal::say(policy.to_toml().map_err(say)?.trim_end());
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The key that was brought along, if any.
    fn key(&self) -> Result<Option<Secp256k1Key>, Failure> {
        let (Some(file), phrase) = (self.phrase_file.as_ref().or(self.key_file.as_ref()), self.phrase_file.is_some())
        else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(private_file::read(file).map_err(say)?);
        let text = std::str::from_utf8(&bytes).or_fail(&file.display().to_string())?;
        let key = match phrase {
            true => Phrase::parse(text).and_then(|phrase| phrase.key(&self.path)),
            false => Secp256k1Key::from_hex(text),
        };
        key.map(Some).or_fail(&file.display().to_string())
    }
}

impl Limits {
    /// The policy that is asked for; none if nothing is.
    fn policy(&self) -> Result<Option<Policy>, Failure> {
        let mut policy = match &self.template {
            Some(template) => Some(self.filled_template(template)?),
            None => None,
        };
        let named = [self.total, self.per_payment, self.per_day, self.session_deposit];
        if let Some(first) = named.into_iter().flatten().next() {
            let policy = policy.get_or_insert_with(|| nothing(first));
            for (limit, named) in [
                (&mut policy.total, self.total),
                (&mut policy.per_payment, self.per_payment),
                (&mut policy.per_day, self.per_day),
                (&mut policy.session_deposit, self.session_deposit),
            ] {
                *limit = named.or(*limit);
            }
        }
        self.narrow(&mut policy)?;
        policy.as_ref().map_or(Ok(()), Policy::check).map_err(|error| Failure::wrong_use(error.to_string()))?;
        Ok(policy)
    }

    /// Adds what leaves less to be paid. Without a sum there is nothing to leave less of.
    fn narrow(&self, policy: &mut Option<Policy>) -> Result<(), Failure> {
        let names = [
            ("an origin", !self.origins.is_empty()),
            ("a parent", self.parent.is_some()),
            ("an end", self.expires.is_some()),
            ("a source of money", !self.sources.is_empty()),
        ];
        let Some((first, _)) = names.into_iter().find(|(_, is_named)| *is_named) else { return Ok(()) };
        let Some(policy) = policy else {
            let sentence = format!("{first} needs a sum that may be spent; name --template, --total or --per-day too");
            return Err(Failure::wrong_use(sentence));
        };
        if !self.origins.is_empty() {
            policy.origins = Some(self.origins.iter().cloned().map(OriginLimit::new).collect());
        }
        if let Some(parent) = &self.parent {
            policy.parent = Some(parent.to_string());
        }
        if let Some(Lasting(lasting)) = self.expires {
            policy.expires = Some(clock::now().after(lasting));
        }
        if !self.sources.is_empty() {
            let mut methods: Vec<&str> = self.sources.iter().flat_map(|source| source.methods()).copied().collect();
            methods.dedup();
            policy.methods = Some(methods.into_iter().map(str::to_owned).collect());
        }
        Ok(())
    }

    fn filled_template(&self, template: &str) -> Result<Policy, Failure> {
        let mut values: BTreeMap<String, String> = self.values.iter().cloned().collect();
        let text = match Template::named(template) {
            Some(template) => template.text.to_owned(),
            None => std::fs::read_to_string(template).map_err(|error| {
                let known = TEMPLATES.map(|template| template.name).join(", ");
                Failure::wrong_use(format!("{template} is no template ({known}) and no file: {error}"))
            })?,
        };
        // An origin that is named anyway need not be written twice.
        let open = template::blanks(&text).map_err(|error| Failure::wrong_use(error.to_string()))?;
        if let (Some(first), true) = (self.origins.first(), open.contains(&("origin", None))) {
            values.entry("origin".to_owned()).or_insert_with(|| first.to_string());
        }
        template::fill(&text, &values).map_err(|error| Failure::wrong_use(error.to_string()))
    }
}

/// A wallet is not made and then left without its limits because nobody knows the group.
fn must_be_a_group(wallets: &Wallets, parent: &WalletName) -> Result<(), Failure> {
    match wallets.group_policy(parent).map_err(say)? {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!(
            "there is no group {parent}; make it with: farthing policy set --group {parent} --total \"50 USD\""
        ))),
    }
}

/// A policy of this currency without a limit, to which some are added.
fn nothing(first: Price) -> Policy {
    Policy::new(first.currency())
}

impl Templates {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.json {
            let shown = TEMPLATES.iter().map(|template| {
                let blanks = template::blanks(template.text).map_err(say)?;
                let blanks: Vec<Value> =
                    blanks.into_iter().map(|(name, value)| json!({ "name": name, "default": value })).collect();
                Ok(json!({ "name": template.name, "purpose": template.purpose(), "set": blanks, "text": template.text }))
            });
            terminal::say_json(&shown.collect::<Result<Value, Failure>>()?);
            return Ok(ExitCode::SUCCESS);
        }
        for template in TEMPLATES {
            terminal::say(&format!("{}: {}", template.name, template.purpose()));
            for line in template.text.lines().skip(1) {
                terminal::say(format!("    {line}").trim_end());
            }
        }
        terminal::say("fill in what is in braces with --set NAME=VALUE; name=value is what it is otherwise");
        Ok(ExitCode::SUCCESS)
    }
}
