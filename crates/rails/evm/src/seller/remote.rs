//! x402 payments that a facilitator settles.

use std::sync::Arc;
use std::time::Duration;

use farthing_rail::Acceptor;

use super::shared::Shared;
use super::table::Table;
use super::{Place, Seller};
use crate::chain::{Kind, by_id};
use crate::settle::Till;
use crate::x402::remote::{Facilitator, Remote, RemoteUpto};
use crate::x402::{Payee, Transfer, X402Exact, X402Settings};

/// The keys of such a table. There is no signer: nothing is sent from here.
const KEYS: [&str; 13] = [
    "facilitator",
    "headers",
    "rpc",
    "quorum",
    "chain",
    "recipient",
    "asset",
    "transfer",
    "confirmations",
    "finality",
    "contract_payers",
    "validity",
    "statement_from",
];

pub(super) fn acceptors(seller: &Seller, table: &Table<'_>, place: &Place<'_>) -> Result<Vec<Acceptor>, String> {
    table.knows(&KEYS)?;
    let chain = table.chain()?.ok_or_else(|| table.refused("chain is missing; name one, such as \"base\" or 8453"))?;
    if by_id(chain).is_some_and(|chain| chain.kind != Kind::Evm) {
        return Err(table.wrong("chain", "is a Tempo chain, which x402's schemes do not move money on"));
    }
    let facilitator = facilitator(table, place)?;
    let shared = Shared::read(seller, table, place, chain, "USDC")?;
    let settings = X402Settings {
        contract_payers: table.flag("contract_payers")?.unwrap_or(false),
        ..X402Settings::seller(shared.token.clone(), shared.recipient, transfer(table)?)
    };
    let settings = match table.duration("validity")? {
        Some(validity) => X402Settings { validity: validity.max(Duration::from_secs(1)), ..settings },
        None => settings,
    };
    let till = Till { recipient: shared.recipient };
    let chain = Arc::new(shared.settler(&seller.now));
    let exact = X402Exact::new(settings.clone()).map_err(|error| table.refused(error))?;
    let exact = Remote::new(exact, Arc::clone(&chain), till, facilitator.clone());
    let mut acceptors = vec![Acceptor::External(Arc::new(exact))];
    if matches!(settings.payee, Payee::Seller { transfer: Transfer::Permit2, .. }) {
        let upto = RemoteUpto::new(settings, chain, till, facilitator).map_err(|error| table.refused(error))?;
        acceptors.push(Acceptor::External(Arc::new(upto)));
    }
    Ok(acceptors)
}

fn facilitator(table: &Table<'_>, place: &Place<'_>) -> Result<Facilitator, String> {
    let url = table.text("facilitator")?;
    let url = url.ok_or_else(|| table.refused("facilitator is missing; write the URL of the one that settles"))?;
    let mut headers = Vec::new();
    for (name, named) in table.table("headers")?.into_iter().flatten() {
        let secret = (place.secrets)(&toml::Table::from_iter([(name.clone(), named.clone())]), name);
        let secret = secret.map_err(|error| table.wrong("headers", format!("cannot be sent: {error}")))?;
        headers.push((name.clone(), secret.to_string()));
    }
    Facilitator::new(url, headers).map_err(|error| table.wrong("facilitator", error))
}

fn transfer(table: &Table<'_>) -> Result<Transfer, String> {
    let Some(named) = table.text("transfer")? else { return Ok(Transfer::Eip3009) };
    Transfer::named(named).ok_or_else(|| table.wrong("transfer", "is \"eip3009\" or \"permit2\""))
}
