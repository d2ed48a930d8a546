use std::sync::Arc;
use std::time::Duration;

use farthing_rail::Acceptor;

use super::session::{self, Common};
use super::shared::{KEYS, Shared, expected_fee};
use super::table::Table;
use super::{Place, Seller};
use crate::chain::{Kind, by_id};
use crate::evm::{CredentialKind, EvmCharge, EvmSettings, Share};
use crate::settle::{Settling, Till};
use crate::x402::{Payee, Transfer, X402Exact, X402Settings, X402Upto};

pub(super) fn acceptors(seller: &Seller, table: &Table<'_>, place: &Place<'_>) -> Result<Vec<Acceptor>, String> {
    table.knows(
        &[&KEYS[..], &session::KEYS, &[session::PAYEE, "contract_payers", "shares", "validity", "x402"]].concat(),
    )?;
    let chain = table.chain()?.ok_or_else(|| table.refused("chain is missing; name one, such as \"base\" or 8453"))?;
    if by_id(chain).is_some_and(|chain| chain.kind != Kind::Evm) {
        return Err(table.wrong("chain", "is a Tempo chain; use the tempo method for it"));
    }
    let shared = Shared::read(seller, table, place, chain, "USDC")?;
    let mut settings = EvmSettings::new(shared.token.clone(), shared.recipient);
    settings.spender = shared.account.as_ref().map(crate::Account::address);
    settings.accept = accept(table, &shared)?;
    settings.contract_payers = table.flag("contract_payers")?.unwrap_or(false);
    settings.shares = shares(table)?;
    settings.fee = expected_fee(table, &shared.token, shared.account.is_some())?;
    if let Some(validity) = table.duration("validity")? {
        settings.validity = validity.max(Duration::from_secs(1));
    }
    let in_x402 = in_x402(table, &settings)?;
    let common = Common::of(table, &shared);
    let payee = common.payee(place)?;
    let session = common.on_evm(payee.is_some())?;
    let recipient = shared.recipient;
    let method = EvmCharge::new(settings).map_err(|error| table.refused(error))?;
    let chain = Arc::new(shared.settler(&seller.now));
    let charge = Settling::new(method, Arc::clone(&chain), Till { recipient });
    let mut acceptors = vec![Acceptor::External(Arc::new(charge))];
    acceptors.extend(session.map(|session| Seller::sessions(session, Arc::clone(&chain), payee)));
    // What the account got is told once, by the first.
    let till = Till { recipient };
    for settings in in_x402 {
        if let (Payee::Seller { transfer: Transfer::Permit2, .. }, Some(signer)) = (&settings.payee, chain.signer()) {
            let upto = X402Upto::new(settings.clone(), signer).map_err(|error| table.refused(error))?;
            let upto = Settling::new(upto, Arc::clone(&chain), till).without_statement();
            acceptors.push(Acceptor::External(Arc::new(upto)));
        }
        let exact = X402Exact::new(settings).map_err(|error| table.refused(error))?;
        let exact = Settling::new(exact, Arc::clone(&chain), till).without_statement();
        acceptors.push(Acceptor::External(Arc::new(exact)));
    }
    Ok(acceptors)
}

/// The same token in x402's words, once for each way in which our signer can move it. Those words know no
/// shares.
fn in_x402(table: &Table<'_>, charge: &EvmSettings) -> Result<Vec<X402Settings>, String> {
    let wanted = table.flag("x402")?;
    let moved = |kind: &CredentialKind| match kind {
        CredentialKind::Authorization => Some(Transfer::Eip3009),
        CredentialKind::Permit2 => Some(Transfer::Permit2),
        CredentialKind::Transaction | CredentialKind::Hash => None,
    };
    if wanted == Some(false) || !charge.shares.is_empty() {
        return Ok(Vec::new());
    }
    let transfers: Vec<Transfer> = charge.accept.iter().filter_map(moved).collect();
    if wanted == Some(true) && transfers.is_empty() {
        return Err(table.wrong("x402", "needs a signer, and accept must name authorization or permit2"));
    }
    let settings = |transfer| X402Settings {
        contract_payers: charge.contract_payers,
        validity: charge.validity,
        fee: charge.fee,
        ..X402Settings::seller(charge.token.clone(), charge.recipient, transfer)
    };
    Ok(transfers.into_iter().map(settings).collect())
}

/// What is accepted: as written, or whatever this seller can settle.
fn accept(table: &Table<'_>, shared: &Shared) -> Result<Vec<CredentialKind>, String> {
    let can_send = shared.account.is_some();
    let Some(written) = table.texts("accept", "[\"authorization\", \"permit2\"]")? else {
        return Ok(match (can_send, shared.token.domain.is_some()) {
            (true, true) => vec![CredentialKind::Authorization],
            (true, false) => vec![CredentialKind::Permit2, CredentialKind::Transaction],
            (false, _) => vec![CredentialKind::Transaction],
        });
    };
    let mut accept = Vec::new();
    for name in &written {
        let kind = CredentialKind::named(name).ok_or_else(|| {
            let names = CredentialKind::ALL.map(CredentialKind::name).join(", ");
            table.wrong("accept", format!("holds \"{name}\"; it takes {names}"))
        })?;
        if matches!(kind, CredentialKind::Authorization | CredentialKind::Permit2) && !can_send {
            return Err(table.wrong("accept", format!("holds \"{name}\", which the seller sends; add a signer")));
        }
        accept.push(kind);
    }
    Ok(accept)
}

fn shares(table: &Table<'_>) -> Result<Vec<Share>, String> {
    let read = |share: &Table<'_>| {
        share.knows(&["recipient", "per_million", "memo"])?;
        let recipient = share.address("recipient")?;
        let per_million = share.count("per_million")?.and_then(|number| u32::try_from(number).ok());
        let memo = share.value("memo").and_then(toml::Value::as_str).map(str::to_owned);
        match (recipient, per_million) {
            (Some(recipient), Some(per_million)) => Ok(Share { recipient, per_million, memo }),
            _ => {
                Err(table.wrong("shares", "have each a recipient and per_million, the millionths of the price it gets"))
            }
        }
    };
    table.tables("shares", "[{ recipient = \"0x...\", per_million = 25000 }]")?.iter().map(read).collect()
}
