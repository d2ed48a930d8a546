//! `farthing wallet chain`: the chains that wallets pay on.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use farthing_money::Price;
use farthing_rail_evm::buyer::ChainSettings;
use farthing_rail_evm::chain::Token;
use farthing_rail_evm::evm::address_of;
use farthing_rail_evm::rpc::Endpoints;
use serde_json::{Value, json};

use crate::commands::home::Home;
use crate::failure::Failure;
use crate::{chains, terminal};

/// How long a node may take to say which chain it is on.
const DEADLINE: Duration = Duration::from_secs(10);

/// The chains that wallets pay on.
#[derive(Subcommand)]
pub(crate) enum Chain {
    /// Say how a chain is reached. A name that is known is replaced.
    #[command(after_help = "Examples:\n  farthing wallet chain add tempo --rpc https://rpc.tempo.xyz\n  \
        farthing wallet chain add base --rpc https://rpc.example/KEY --native-price \"4000 USD\"\n  \
        farthing wallet chain add mine --rpc http://127.0.0.1:8545 --token 0x5FbD...:TUSD:6:USD\n\n\
        A token that is not on file is written CONTRACT:CODE:DECIMALS:CURRENCY, and with :NAME:VERSION of its\n\
        EIP-712 domain where it takes signed authorizations. Nothing about a token is taken from a seller.")]
    Add(Add),
    /// The chains there are. Nodes are shown without the path, which may hold a key.
    #[command(after_help = "Example:\n  farthing wallet chain list --json")]
    List(List),
    /// Forget a chain. What an account has there stays.
    #[command(after_help = "Example:\n  farthing wallet chain remove base")]
    Remove(Remove),
}

#[derive(Args)]
pub(crate) struct Add {
    /// What to call it. Names on file, such as tempo or base, say which chain it is.
    name: String,
    /// A node's URL; may be repeated.
    #[arg(long = "rpc", required = true)]
    rpc: Vec<String>,
    /// Its EIP-155 number; otherwise the name or the node says it.
    #[arg(long)]
    chain: Option<u64>,
    /// A token to pay in, beside those on file; may be repeated.
    #[arg(long = "token", value_name = "TOKEN")]
    tokens: Vec<String>,
    /// What one whole coin of gas is worth; without it, offers that cost gas are not paid.
    #[arg(long)]
    native_price: Option<Price>,
    /// A contract to trust with the deposits of sessions; may be repeated. Tempo's own need not be named.
    #[arg(long = "escrow", value_name = "CONTRACT")]
    escrows: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// The chain.
    name: String,
    #[command(flatten)]
    home: Home,
}

impl Chain {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(add) => add.run().await?,
            Self::List(list) => list.run()?,
            Self::Remove(remove) => remove.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn run(self) -> Result<(), Failure> {
        let directory = self.home.directory()?;
        let mut known = chains::load(&directory)?;
        let found = self.ask_the_nodes().await?;
        let number = self.chain.or(found.filter(|_| farthing_rail_evm::chain::by_name(&self.name).is_none()));
        let mut settings = ChainSettings::new(&self.name, number, self.rpc.clone()).map_err(wrong)?;
        if let Some(found) = found.filter(|found| *found != settings.id) {
            let wanted = settings.id;
            return Err(Failure::new(format!(
                "the node is on chain {found}, not on {wanted}; check --rpc and the name"
            )));
        }
        for token in &self.tokens {
            settings.tokens.push(Token::from_config(settings.id, &token_value(token)?).map_err(wrong)?);
        }
        settings.native_price = self.native_price;
        for escrow in &self.escrows {
            settings.escrows.push(address_of(escrow).ok_or_else(|| {
                Failure::wrong_use(format!("\"{escrow}\" is not a contract's address: 0x and 40 hexadecimal digits"))
            })?);
        }
        let shown = described(&self.name, &settings);
        known.add(&self.name, settings).map_err(wrong)?;
        chains::save(&directory, &known)?;
        say(&[shown], self.json);
        Ok(())
    }

    /// The chain that the nodes are on; `None` when none answers, which may be so for now.
    async fn ask_the_nodes(&self) -> Result<Option<u64>, Failure> {
        let endpoints = Endpoints::new(reqwest::Client::new(), &self.rpc, 1, DEADLINE).map_err(wrong)?;
        let waiting = terminal::spinner("asking which chain it is");
        let answers = endpoints.chain_ids().await;
        waiting.finish_and_clear();
        let mut numbers: Vec<u64> = answers.iter().filter_map(|answer| answer.as_ref().ok().copied()).collect();
        numbers.dedup();
        match (numbers.as_slice(), answers.into_iter().find_map(Result::err)) {
            ([], error) => {
                let why = error.map(|error| format!(": {error}")).unwrap_or_default();
                terminal::note(&format!("note: no node answered, so it is not known which chain it is on{why}"));
                Ok(None)
            }
            ([only], _) => Ok(Some(*only)),
            _ => Err(Failure::new("the nodes are on different chains; check every --rpc")),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let known = chains::load(&self.home.directory()?)?;
        let listed: Vec<Value> = known.iter().map(|(name, settings)| described(name, settings)).collect();
        if self.json {
            terminal::say_json(&listed.into());
        } else if listed.is_empty() {
            terminal::note("no chains yet; add one with: farthing wallet chain add tempo --rpc URL");
        } else {
            say(&listed, false);
        }
        Ok(())
    }
}

impl Remove {
    fn run(self) -> Result<(), Failure> {
        let directory = self.home.directory()?;
        let mut known = chains::load(&directory)?;
        if !known.remove(&self.name) {
            return Err(Failure::new(format!("there is no chain {}; run: farthing wallet chain list", self.name)));
        }
        chains::save(&directory, &known)?;
        terminal::say(&format!("{} is forgotten", self.name));
        Ok(())
    }
}

/// `USDC`, `0x...`, or `0x...:TUSD:6:USD` with `:NAME:VERSION` of the signing domain or without.
fn token_value(text: &str) -> Result<toml::Value, Failure> {
    let refused = || {
        Failure::wrong_use(format!(
            "\"{text}\" is not a token; write a code on file such as USDC, or CONTRACT:CODE:DECIMALS:CURRENCY[:NAME:VERSION]"
        ))
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (facts, domain) = match parts.as_slice() {
        [only] => return Ok((*only).into()),
        [contract, code, decimals, currency] => ([*contract, *code, *decimals, *currency], None),
        [contract, code, decimals, currency, name, version] => {
            ([*contract, *code, *decimals, *currency], Some((*name, *version)))
        }
        _ => return Err(refused()),
    };
    let [contract, code, decimals, currency] = facts;
    let decimals: u8 = decimals.parse().map_err(|_| refused())?;
    let mut table = toml::Table::new();
    table.insert("contract".into(), contract.into());
    table.insert("code".into(), code.into());
    table.insert("decimals".into(), i64::from(decimals).into());
    table.insert("currency".into(), currency.into());
    if let Some((name, version)) = domain {
        let domain = toml::Table::from_iter([("name".into(), name.into()), ("version".into(), version.into())]);
        table.insert("domain".into(), domain.into());
    }
    Ok(toml::Value::Table(table))
}

fn described(name: &str, settings: &ChainSettings) -> Value {
    let hosts = settings.rpc.iter().map(|url| {
        let host = url.parse::<url::Url>().ok().map(|url| url.origin().ascii_serialization());
        host.unwrap_or_default()
    });
    let tokens = settings.all_tokens();
    let tokens = tokens.iter().map(|token| {
        let contract = token.contract.to_checksum(None);
        json!({ "code": token.asset.code(), "contract": contract, "decimals": token.asset.decimals() })
    });
    json!({
        "name": name,
        "chain": format!("eip155:{}", settings.id),
        "test": settings.on_file().is_none_or(|chain| chain.test),
        "rpc": hosts.collect::<Vec<_>>(),
        "tokens": tokens.collect::<Vec<_>>(),
        "native_price": settings.native_price.map(|price| price.to_string()),
        "escrows": settings.escrows.iter().map(|escrow| escrow.to_checksum(None)).collect::<Vec<_>>(),
    })
}

fn say(listed: &[Value], as_json: bool) {
    if let ([only], true) = (listed, as_json) {
        terminal::say_json(only);
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let join = |values: &Value, read: &dyn Fn(&Value) -> String| {
        values.as_array().map(|values| values.iter().map(read).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|chain| {
            vec![
                text(&chain["name"]),
                text(&chain["chain"]),
                join(&chain["rpc"], &text),
                join(&chain["tokens"], &|token| text(&token["code"])),
                text(&chain["native_price"]),
            ]
        })
        .collect();
    terminal::say_table(&["name", "chain", "rpc", "tokens", "coin worth"], 5, &rows);
}

fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::wrong_use(error.to_string())
}
