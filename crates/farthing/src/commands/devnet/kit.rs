//! What a seller and a buyer need on a development chain.

use std::path::Path;

use farthing_devnet::{ACCOUNTS, DevelopmentAccount, Devnet, EVM_ESCROW, Kind};
use farthing_keys::private_file;

use super::escrows;
use crate::failure::{Failure, OrFail};

/// Who sells and pays for gas, and who buys.
const SELLER: DevelopmentAccount = ACCOUNTS[1];
const BUYER: DevelopmentAccount = ACCOUNTS[2];
/// Who settles for other sellers.
const FACILITATOR: DevelopmentAccount = ACCOUNTS[3];

/// What differs from chain to chain.
struct Terms {
    /// The rail's name.
    rail: &'static str,
    /// The line that names its method, where its own name does not.
    method: &'static str,
    code: &'static str,
    /// How a gateway's configuration names the token.
    asset: String,
    fees: &'static str,
    /// The line that makes the token known to a wallet, where it is not on file.
    known: String,
    /// The gateway's line that names what sessions are kept in, where that is not on file.
    escrow: String,
    /// What a route accepts.
    accept: &'static str,
}

impl Terms {
    fn of(chain: &Devnet) -> Self {
        match chain.kind() {
            Kind::Tempo => Self {
                rail: "tempo",
                method: "",
                code: "pathUSD",
                asset: "\"pathUSD\"".to_owned(),
                fees: "fee_payer = true   # the buyer pays the price and nothing else\n",
                known: String::new(),
                escrow: String::new(),
                accept: "\"tempo/charge\"",
            },
            Kind::Evm { .. } => {
                let token = format!(
                    "{{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
                     domain = {{ name = \"Test USDC\", version = \"1\" }} }}",
                    chain.token()
                );
                let known = format!("token = [{token}]\n");
                let accept = "\"evm/charge\"";
                let escrow = evm_escrow();
                Self { rail: "evm", method: "", code: "USDC", asset: token, fees: "", known, escrow, accept }
            }
            Kind::BaseSepolia => Self {
                rail: "base",
                method: "method    = \"evm\"\n",
                code: "USDC",
                asset: "\"USDC\"".to_owned(),
                fees: "",
                known: String::new(),
                escrow: evm_escrow(),
                accept: "\"evm/charge\", \"x402/exact\"",
            },
        }
    }
}

/// A gateway's configuration, a wallet's chains, a facilitator's configuration where x402 is spoken, and their keys.
pub(crate) struct Kit {
    code: &'static str,
    gateway: String,
    facilitator: Option<String>,
    chains: String,
}

impl Kit {
    /// What goes with this chain.
    pub(crate) fn of(chain: &Devnet) -> Self {
        let (rpc, id, recipient) = (chain.rpc(), chain.chain_id(), SELLER.address);
        let Terms { rail, method, code, asset, fees, known, escrow, accept } = Terms::of(chain);
        let gateway = format!(
            r#"[gateway]
listen      = "127.0.0.1:4030"
admin       = "127.0.0.1:4031"
store       = "sqlite:./farthing.db"
development = true

[rails.{rail}]
{method}rpc       = "{rpc}"
chain     = {id}
recipient = "{recipient}"
asset     = {asset}
signer    = {{ key = {{ file = "seller.key" }} }}
{escrow}{fees}
[[route]]
match    = "GET /{{*path}}"
upstream = "http://127.0.0.1:9000"   # your server
price    = "0.001 USD"
accept   = [{accept}]
"#
        );
        let escrows: Vec<_> = escrows(chain).map(|(_, escrow)| format!("\"{escrow}\"")).collect();
        let escrows = escrows.join(", ");
        let chains = format!("[chain.devnet]\nchain = {id}\nrpc = \"{rpc}\"\nescrow = [{escrows}]\n{known}");
        let facilitator = (chain.kind() == Kind::BaseSepolia).then(|| facilitator(rpc, id));
        Self { code, gateway, facilitator, chains }
    }

    /// The symbol of the chain's token.
    pub(crate) fn token_code(&self) -> &'static str {
        self.code
    }

    /// The gateway's configuration.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The configuration of a facilitator, where x402 is spoken.
    pub(crate) fn facilitator(&self) -> Option<&str> {
        self.facilitator.as_deref()
    }

    /// The wallet's chains.
    pub(crate) fn chains(&self) -> &str {
        &self.chains
    }

    /// Writes `gateway.toml`, `seller.key`, `agent.key` and `home/chains.toml`, `facilitator.toml` and
    /// `facilitator.key` where x402 is spoken, for their owner's eyes: no key is taken that others could read.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Failure> {
        let home = directory.join("home");
        let mut files = vec![
            (directory.join("gateway.toml"), self.gateway.clone()),
            (directory.join("seller.key"), SELLER.publicly_known_key.to_string()),
            (directory.join("agent.key"), BUYER.publicly_known_key.to_string()),
            (home.join("chains.toml"), self.chains.clone()),
        ];
        if let Some(facilitator) = &self.facilitator {
            files.push((directory.join("facilitator.toml"), facilitator.clone()));
            files.push((directory.join("facilitator.key"), FACILITATOR.publicly_known_key.to_string()));
        }
        private_file::private_directory(&home).or_fail("the files were not written")?;
        let written = files.iter().try_for_each(|(file, text)| private_file::write(file, text.as_bytes()));
        written.or_fail("the files were not written")
    }

    /// What to type, one line after the other, to sell a page and to buy it.
    pub(crate) fn commands(&self, directory: &Path) -> Vec<String> {
        let place = directory.display();
        vec![
            "python3 -m http.server 9000 &".to_owned(),
            format!("farthing gateway --config {place}/gateway.toml &"),
            format!("export FARTHING_HOME={place}/home"),
            format!("farthing wallet create agent --key-file {place}/agent.key"),
            "farthing policy set --wallet agent --total \"1 USD\" --per-payment \"0.01 USD\" \
             --origin http://127.0.0.1:4030"
                .to_owned(),
            "farthing pay --wallet agent http://127.0.0.1:4030/".to_owned(),
        ]
    }
}

fn evm_escrow() -> String {
    format!("escrow    = \"{EVM_ESCROW}\"   # what sessions are kept in\n")
}

/// A facilitator on a port of its own, beside the gateway.
fn facilitator(rpc: &str, chain: u64) -> String {
    format!(
        r#"[facilitator]
listen = "127.0.0.1:4040"
admin  = "127.0.0.1:4041"

[chains.base]
chain  = {chain}
rpc    = "{rpc}"
asset  = ["USDC"]
signer = {{ key = {{ file = "facilitator.key" }} }}
"#
    )
}
