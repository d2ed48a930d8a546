use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::Address;
use farthing_money::{Amount, Price, Rounding};
use farthing_rail::ExpectedFee;

use super::table::Table;
use super::{Place, Seller};
use crate::Account;
use crate::chain::{Token, by_id};
use crate::rpc::Endpoints;
use crate::settle::journal::Journal;
use crate::settle::sender::{Clock, FeeBounds, Sender, Surroundings, Terms};
use crate::settle::{ChainSettler, Confirmations, Rules, Sponsor, Step};

/// The keys that every method of chains has. `reconcile` is the gateway's.
pub(super) const KEYS: [&str; 12] = [
    "rpc",
    "quorum",
    "chain",
    "recipient",
    "asset",
    "accept",
    "confirmations",
    "finality",
    "signer",
    "max_gas_price",
    "expected_fee",
    "statement_from",
];

/// How long one node may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait for a connection to a node.
const CONNECT: Duration = Duration::from_secs(3);
/// One billionth of a native coin's smallest 10^18 parts, the unit in which gas is priced.
const GWEI: u128 = 1_000_000_000;

/// What every method of chains is made of.
pub(super) struct Shared {
    pub(super) token: Token,
    pub(super) recipient: Address,
    pub(super) account: Option<Account>,
    pub(super) sponsor: Option<Sponsor>,
    endpoints: Endpoints,
    journal: Journal,
    sender: Option<Sender>,
    rules: Rules,
}

impl Shared {
    /// Reads the keys that every method has.
    pub(super) fn read(
        seller: &Seller,
        table: &Table<'_>,
        place: &Place<'_>,
        chain: u64,
        default_asset: &str,
    ) -> Result<Self, String> {
        let token = table.token(chain, "asset", default_asset)?;
        Self::of_token(seller, table, place, token)
    }

    /// The same for a token that was read.
    pub(super) fn of_token(
        seller: &Seller,
        table: &Table<'_>,
        place: &Place<'_>,
        token: Token,
    ) -> Result<Self, String> {
        let chain = token.chain;
        let urls = table.texts("rpc", "\"https://rpc.example.com\"")?;
        let urls =
            urls.ok_or_else(|| table.refused("rpc is missing; name a node, such as \"http://127.0.0.1:8545\""))?;
        let quorum = table.count("quorum")?.unwrap_or(1);
        let quorum = usize::try_from(quorum).map_err(|_| table.wrong("quorum", "is more than there can be nodes"))?;
        let client = reqwest::Client::builder().connect_timeout(CONNECT).build();
        let client =
            client.map_err(|_| table.refused("no HTTP client can be made; check the system's certificates"))?;
        let endpoints =
            Endpoints::new(client, &urls, quorum, DEADLINE).map_err(|error| table.refused(error.to_string()))?;
        let rules = rules(table, &token)?;
        let journal = seller.desks.journal(place.data);
        let account = match table.value("signer") {
            Some(value) => Some(Account::new((place.keys)(value).map_err(|error| table.wrong("signer", error))?)),
            None => None,
        };
        let resend_after = block_time(chain) * 4;
        let terms = Terms { endpoints: endpoints.clone(), fees: fees(table)?, finality: rules.finality, resend_after };
        let open = |account: Account| {
            let now = Arc::clone(&seller.now);
            let licence = place.licence.clone();
            let around = Surroundings { chain, journal: journal.clone(), now, licence, terms };
            seller.desks.desk(place.data, account, around)
        };
        let sender = account.clone().map(open).transpose().map_err(|error| table.refused(error))?;
        let recipient = table.address("recipient")?.or_else(|| account.as_ref().map(Account::address));
        let recipient = recipient.ok_or_else(|| {
            table.refused("recipient is missing; write the address that is to be paid, or name a signer to be paid to")
        })?;
        Ok(Self { token, recipient, account, sponsor: None, endpoints, journal, sender, rules })
    }

    /// The settler of this table's chain.
    pub(super) fn settler(self, now: &Clock) -> ChainSettler {
        let chain = self.token.chain;
        let mut settler = ChainSettler::new(chain, self.endpoints, self.journal, self.rules, Arc::clone(now));
        if let Some(sender) = self.sender {
            settler = settler.with_sender(sender);
        }
        match self.sponsor {
            Some(sponsor) => settler.with_sponsor(sponsor),
            None => settler,
        }
    }
}

/// What a payment is expected to cost the seller in gas: what the owner says, and where we pay gas and nothing is
/// said, that nobody knows.
pub(super) fn expected_fee(table: &Table<'_>, token: &Token, pays_gas: bool) -> Result<ExpectedFee, String> {
    let Some(said) = table.price("expected_fee", token)? else {
        return Ok(if pays_gas { ExpectedFee::GAS } else { ExpectedFee::NONE });
    };
    let amount = said.in_asset(&token.asset, Rounding::Up);
    let amount = amount.map_err(|error| table.wrong("expected_fee", format!("is no amount of the asset: {error}")))?;
    Ok(ExpectedFee::fixed(amount.amount))
}

fn block_time(chain: u64) -> Duration {
    by_id(chain).map_or(Duration::from_secs(2), |chain| chain.block_time).max(Duration::from_secs(1))
}

fn fees(table: &Table<'_>) -> Result<FeeBounds, String> {
    let Some(most) = table.count("max_gas_price")? else { return Ok(FeeBounds::default()) };
    if most == 0 {
        return Err(table.wrong("max_gas_price", "is in gwei and more than nothing, such as 200"));
    }
    Ok(FeeBounds { most: u128::from(most) * GWEI, ..FeeBounds::default() })
}

fn rules(table: &Table<'_>, token: &Token) -> Result<Rules, String> {
    let on_file = by_id(token.chain);
    let confirmations = on_file.map_or(1, |chain| chain.confirmations);
    let finality = match table.count("finality")? {
        Some(blocks) => blocks,
        None => on_file.map_or(12, |chain| {
            let blocks = chain.finality.as_millis().div_ceil(chain.block_time.as_millis().max(1));
            u64::try_from(blocks).unwrap_or(u64::MAX).max(confirmations)
        }),
    };
    let statement_from = table.count("statement_from")?;
    let confirmations = match table.value("confirmations") {
        None => Confirmations::always(confirmations),
        Some(toml::Value::Integer(_)) => Confirmations::always(table.count("confirmations")?.unwrap_or(1)),
        Some(_) => by_amount(table, token)?,
    };
    let gas_coin = table.price("gas_coin", token)?;
    Ok(Rules { confirmations, finality, statement_from, gas_coin, ..Rules::default() })
}

/// `[{ below = "1 USD", blocks = 1 }, { blocks = 12 }]`.
fn by_amount(table: &Table<'_>, token: &Token) -> Result<Confirmations, String> {
    let example = "[{ below = \"1 USD\", blocks = 1 }, { blocks = 12 }]";
    let wrong = || table.wrong("confirmations", format!("is a number of blocks, or steps such as {example}"));
    let (mut steps, mut beyond) = (Vec::new(), None);
    for step in table.tables("confirmations", example)? {
        step.knows(&["below", "blocks"])?;
        let blocks = step.count("blocks")?.ok_or_else(wrong)?;
        match step.value("below") {
            None if beyond.is_none() => beyond = Some(blocks),
            None => return Err(wrong()),
            Some(below) => {
                let below: Price = below.as_str().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
                if below.currency() != token.currency {
                    return Err(
                        table.wrong("confirmations", format!("are in {}, the asset's currency", token.currency))
                    );
                }
                let below: Amount = below.in_asset(&token.asset, Rounding::Down).map_err(|_| wrong())?.amount;
                steps.push(Step { below, blocks });
            }
        }
    }
    Ok(Confirmations::by_amount(steps, beyond.ok_or_else(wrong)?))
}
