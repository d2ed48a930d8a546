//! Sessions beside charges, on the same chain and for the same recipient.

use std::sync::Arc;

use alloy_primitives::Address;
use farthing_money::Rounding;
use farthing_rail::{Acceptor, Deposits};
use toml::Value;

use super::Seller;
use super::shared::Shared;
use super::table::Table;
use crate::session::{ChainSession, DepositKind, RESERVE, SessionSettings, Vault, VaultKind};
use crate::settle::{ChainSettler, SessionSettling};
use crate::tempo::SponsorPolicy;

/// The keys of a table that say how sessions are taken. `session` may be a table too, which the gateway reads.
pub(super) const KEYS: [&str; 3] = ["escrow", "session", "least_deposit"];

/// What charges and sessions of one table have in common, once the charges are read.
pub(super) struct Common<'a> {
    table: &'a Table<'a>,
    token: crate::chain::Token,
    recipient: Address,
    signer: Option<Address>,
}

/// Which kind of vault a table of the method `tempo` names.
enum Wanted {
    No,
    /// By its name, or because nothing else is said.
    Kind(VaultKind, IsNamed),
}

type IsNamed = bool;

impl<'a> Common<'a> {
    pub(super) fn of(table: &'a Table<'a>, shared: &Shared) -> Self {
        let signer = shared.account.as_ref().map(crate::Account::address);
        Self { table, token: shared.token.clone(), recipient: shared.recipient, signer }
    }

    /// The sessions of a table of the method `tempo`: in the reserve, unless it says otherwise. Who settles must
    /// be able to; a table without a signer has charges only.
    pub(super) fn on_tempo(&self, sponsor: Option<SponsorPolicy>) -> Result<Option<ChainSession>, String> {
        let Wanted::Kind(kind, is_named) = self.wanted()? else { return Ok(None) };
        let table = self.table;
        let Some(signer) = self.signer else {
            let needs = "needs a signer, who settles what vouchers are worth; add one, or leave it out";
            return if is_named { Err(table.wrong("session", needs)) } else { Ok(None) };
        };
        let contract = match (kind, table.address("escrow")?) {
            (VaultKind::Reserve, None | Some(RESERVE)) => RESERVE,
            (VaultKind::Reserve, Some(_)) => {
                return Err(
                    table.wrong("escrow", "is the contract of version 1; add session = \"v1\", or leave it out")
                );
            }
            (_, Some(contract)) if contract != RESERVE => contract,
            _ => return Err(table.wrong("session", "\"v1\" needs the escrow's contract; add escrow = \"0x...\"")),
        };
        let operator = if signer == self.recipient { Address::ZERO } else { signer };
        if kind == VaultKind::Stream && !operator.is_zero() {
            return Err(table.wrong("session", "\"v1\" is settled by the recipient alone; name its key as the signer"));
        }
        let vault = Vault { kind, chain: self.token.chain, contract };
        let mut settings = SessionSettings::new(vault, self.token.clone(), self.recipient);
        settings.operator = operator;
        settings.sponsor = sponsor;
        self.session(settings).map(Some)
    }

    /// The sessions of a table of the method `evm`, where it names an escrow.
    pub(super) fn on_evm(&self) -> Result<Option<ChainSession>, String> {
        let table = self.table;
        let is_refused = table.value("session").and_then(Value::as_bool) == Some(false);
        let Some(contract) = table.address("escrow")?.filter(|_| !is_refused) else { return Ok(None) };
        if self.signer != Some(self.recipient) {
            return Err(table.wrong("escrow", "is settled by the recipient alone; name its key as the signer"));
        }
        let vault = Vault { kind: VaultKind::Evm, chain: self.token.chain, contract };
        let mut settings = SessionSettings::new(vault, self.token.clone(), self.recipient);
        settings.accepts = match self.token.domain {
            Some(_) => vec![DepositKind::Authorization, DepositKind::Permit2, DepositKind::Hash],
            None => vec![DepositKind::Permit2, DepositKind::Hash],
        };
        self.session(settings).map(Some)
    }

    fn session(&self, mut settings: SessionSettings) -> Result<ChainSession, String> {
        if let Some(least) = self.table.price("least_deposit", &self.token)? {
            let least = least.in_asset(&self.token.asset, Rounding::Up);
            settings.least_deposit = least.map_err(|error| self.table.wrong("least_deposit", error))?.amount;
        }
        ChainSession::new(settings).map_err(|error| self.table.refused(error))
    }

    /// `session = false`, `"v1"` or `"v2"`; or a table whose `protocol` is one of the two.
    fn wanted(&self) -> Result<Wanted, String> {
        let wrong = || self.table.wrong("session", "is \"v1\", \"v2\" or false");
        let named = match self.table.value("session") {
            None => None,
            Some(Value::Boolean(false)) => return Ok(Wanted::No),
            Some(Value::Table(settings)) => settings.get("protocol"),
            named => named,
        };
        match named.map(Value::as_str) {
            None => Ok(Wanted::Kind(VaultKind::Reserve, false)),
            Some(Some("v2")) => Ok(Wanted::Kind(VaultKind::Reserve, true)),
            Some(Some("v1")) => Ok(Wanted::Kind(VaultKind::Stream, true)),
            Some(_) => Err(wrong()),
        }
    }
}

impl Seller {
    /// Puts sessions on their chain.
    pub(super) fn sessions(session: ChainSession, chain: Arc<ChainSettler>) -> Acceptor {
        let session = Arc::new(SessionSettling::new(session, chain));
        Acceptor::Session(Arc::clone(&session) as _, Deposits::InEscrow(session))
    }
}
