use std::time::Duration;

use alloy_primitives::Address;
use farthing_rail::Unpriceable;

use super::{DepositKind, Vault, VaultKind};
use crate::chain::Token;
use crate::tempo::SponsorPolicy;

/// How long a challenge lives. It answers every request of a route, and a voucher is good without it.
const VALIDITY: Duration = Duration::from_secs(60 * 60);

/// What a seller decides about sessions in one vault, paid in one token.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Where deposits go.
    pub vault: Vault,
    /// What is deposited.
    pub token: Token,
    /// Who is paid.
    pub recipient: Address,
    /// Who settles for the recipient; zero where it settles by itself. Only in the reserve.
    pub operator: Address,
    /// Pays the fees of opening and topping up on Tempo, within these bounds; without it, payers do.
    pub sponsor: Option<SponsorPolicy>,
    /// How deposits may be made, the favourite first.
    pub accepts: Vec<DepositKind>,
    /// How long a challenge lives.
    pub validity: Duration,
}

impl SessionSettings {
    /// Sessions for this recipient, who settles by itself, with fees paid by payers.
    pub fn new(vault: Vault, token: Token, recipient: Address) -> Self {
        let accepts = match vault.kind {
            VaultKind::Stream | VaultKind::Reserve => vec![DepositKind::Transaction],
            VaultKind::Evm => vec![DepositKind::Hash],
        };
        Self { vault, token, recipient, operator: Address::ZERO, sponsor: None, accepts, validity: VALIDITY }
    }

    /// Whether the seller pays the fee of opening and topping up.
    pub fn pays_fees(&self) -> bool {
        self.sponsor.is_some()
            || self.accepts.iter().any(|kind| matches!(kind, DepositKind::Authorization | DepositKind::Permit2))
    }

    /// Checks what no single member can tell.
    pub(super) fn check(&self) -> Result<(), Unpriceable> {
        let refused = |reason: &str| Err(Unpriceable(reason.to_owned()));
        let ours = [self.token.contract, self.vault.contract];
        if self.recipient.is_zero() || ours.contains(&self.recipient) {
            return refused("the recipient is nobody's account; write the address that is to be paid");
        }
        if self.vault.chain != self.token.chain {
            return refused("the escrow is on another chain than the token");
        }
        if !self.operator.is_zero() && self.vault.kind != VaultKind::Reserve {
            return refused("only Tempo's reserve lets an operator settle; use the recipient's own key");
        }
        let is_of_tempo = self.vault.kind != VaultKind::Evm;
        let fits = |kind: &DepositKind| is_of_tempo == (*kind == DepositKind::Transaction);
        if self.accepts.is_empty() || !self.accepts.iter().all(fits) {
            return refused(
                "deposits are made by transaction on Tempo, and by authorization, permit2 or hash elsewhere",
            );
        }
        if self.accepts.contains(&DepositKind::Authorization) && self.token.domain.is_none() {
            return refused("the token takes no authorizations; accept \"permit2\" or \"hash\"");
        }
        if self.sponsor.as_ref().is_some_and(|policy| policy.chain != self.vault.chain) {
            return refused("the sponsor's bounds are for another chain than the escrow's");
        }
        Ok(())
    }
}
