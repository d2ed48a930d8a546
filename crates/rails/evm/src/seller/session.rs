//! Sessions beside charges, on the same chain and for the same recipient.

use std::sync::Arc;

use alloy_primitives::Address;
use farthing_rail::{Acceptor, Deposits};
use toml::Value;

use super::shared::Shared;
use super::table::Table;
use super::{Place, Seller};
use crate::Account;
use crate::chain::{Token, stream_channel};
use crate::session::{ChainSession, DepositKind, RESERVE, SessionSettings, Vault, VaultKind};
use crate::settle::{ChainSettler, SessionSettling};
use crate::tempo::SponsorPolicy;

/// The keys of a table that say how sessions are taken. `session` may be a table too, which the gateway reads.
pub(super) const KEYS: [&str; 2] = ["escrow", "session"];
/// Whose signature the EVM contract takes, where another account sends it.
pub(super) const PAYEE: &str = "recipient_signer";

/// What charges and sessions of one table have in common, once the charges are read.
pub(super) struct Common<'a> {
    table: &'a Table<'a>,
    token: Token,
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
        let signer = shared.account.as_ref().map(Account::address);
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
        let named = table.address("escrow")?;
        let known = (kind == VaultKind::Stream).then(|| stream_channel(self.token.chain)).flatten();
        let contract = match (kind, named.or(known)) {
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

    /// The key of the recipient, where another account sends what it signs.
    pub(super) fn payee(&self, place: &Place<'_>) -> Result<Option<Account>, String> {
        let Some(value) = self.table.value(PAYEE) else { return Ok(None) };
        let wrong = |error: String| self.table.wrong(PAYEE, error);
        let account = Account::new((place.keys)(value).map_err(wrong)?);
        match account.address() == self.recipient {
            true => Ok(Some(account).filter(|account| self.signer != Some(account.address()))),
            false => Err(wrong(format!("is the key of {}, not of the recipient", account.address()))),
        }
    }

    /// The sessions of a table of the method `evm`, where it names an escrow.
    pub(super) fn on_evm(&self, is_signed_for: bool) -> Result<Option<ChainSession>, String> {
        let table = self.table;
        let is_refused = table.value("session").and_then(Value::as_bool) == Some(false);
        let Some(contract) = table.address("escrow")?.filter(|_| !is_refused) else { return Ok(None) };
        if self.signer.is_none() || (self.signer != Some(self.recipient) && !is_signed_for) {
            let needs = "is settled by the recipient; name its key as the signer, or as recipient_signer beside one";
            return Err(table.wrong("escrow", needs));
        }
        let vault = Vault { kind: VaultKind::Evm, chain: self.token.chain, contract };
        let mut settings = SessionSettings::new(vault, self.token.clone(), self.recipient);
        settings.accepts = match self.token.domain {
            Some(_) => vec![DepositKind::Authorization, DepositKind::Permit2, DepositKind::Hash],
            None => vec![DepositKind::Permit2, DepositKind::Hash],
        };
        self.session(settings).map(Some)
    }

    fn session(&self, settings: SessionSettings) -> Result<ChainSession, String> {
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
    pub(super) fn sessions(session: ChainSession, chain: Arc<ChainSettler>, payee: Option<Account>) -> Acceptor {
        let session = SessionSettling::new(session, chain);
        let session = Arc::new(match payee {
            Some(payee) => session.signed_by(payee),
            None => session,
        });
        Acceptor::Session(Arc::clone(&session) as _, Deposits::InEscrow(session))
    }
}
