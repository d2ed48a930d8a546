use alloy_primitives::B256;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{NotPayable, SessionQuote};

use super::EvmSessionPayer;
use crate::evm::GasBounds;
use crate::evm::bill::alive;
use crate::session::DepositKind;
use crate::session::buyer::asked::Asked;

/// Letting the escrow take tokens, in gas.
const APPROVE_GAS: u64 = 100_000;
/// Opening a channel: five new places in storage and a transfer.
const OPEN_GAS: u64 = 350_000;
/// Adding to a deposit, asking for the rest, and taking it.
const OTHER_GAS: u64 = 200_000;

/// How a deposit would be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Signed for the token; the seller submits it.
    Authorization {
        /// Of the token's EIP-712 domain.
        separator: B256,
    },
    /// Signed for Permit2; the seller submits it.
    Permit2 {
        /// Whether the owner says that Permit2 has an allowance.
        known: bool,
    },
    /// Sent by this payer.
    Sent,
}

impl EvmSessionPayer {
    /// The cheapest way that both sides know, and what it costs on top at most. No I/O: a Permit2 that nobody
    /// vouches for comes last, since without an allowance it moves nothing.
    pub(super) fn route(
        &self,
        asked: &Asked,
        quote: &SessionQuote,
        now: Timestamp,
    ) -> Result<(Route, Amount), NotPayable> {
        alive(&quote.challenge, now)?;
        let request = &asked.request;
        let takes = |kind| request.accepts.contains(&kind);
        if let Some(separator) = asked.token.separator().filter(|_| takes(DepositKind::Authorization)) {
            return Ok((Route::Authorization { separator }, Amount::ZERO));
        }
        let permit2 = takes(DepositKind::Permit2);
        if permit2 && self.permit2.contains(&(request.vault.chain, request.token)) {
            return Ok((Route::Permit2 { known: true }, Amount::ZERO));
        }
        let sent = match takes(DepositKind::Hash) {
            true => self.most_gas(asked).map(|fee| (Route::Sent, fee)),
            false => Err(NotPayable("the server accepts no deposit that this wallet can sign for the token".into())),
        };
        match sent {
            Err(_) if permit2 && self.funds.is_some() => Ok((Route::Permit2 { known: false }, Amount::ZERO)),
            sent => sent,
        }
    }

    /// What sending a deposit costs at most, in base units of the token.
    fn most_gas(&self, asked: &Asked) -> Result<Amount, NotPayable> {
        let chain = asked.request.vault.chain;
        if !self.funds.as_ref().is_some_and(|funds| funds.reaches(chain)) {
            return Err(NotPayable(format!(
                "the server wants a deposit that is already sent, and this wallet has no node of chain {chain} to send \
                 it to; run: farthing wallet chain add NAME --rpc URL"
            )));
        }
        let fee = self.known.coin(chain).and_then(|coin| opening_gas(chain).in_token(coin, &asked.token));
        fee.ok_or_else(|| {
            NotPayable(format!(
                "the server wants a deposit that is already sent and pays for gas; state native_price for chain {chain} \
                 to allow that"
            ))
        })
    }
}

/// What letting the escrow take a deposit and opening with it take together; no other step takes more.
pub(super) fn opening_gas(chain: u64) -> GasBounds {
    GasBounds { limit: APPROVE_GAS + OPEN_GAS, ..GasBounds::on(chain) }
}

/// What letting the escrow take tokens takes.
pub(super) fn approval_gas(chain: u64) -> GasBounds {
    GasBounds { limit: APPROVE_GAS, ..GasBounds::on(chain) }
}

/// What an opening alone takes.
pub(super) fn open_gas(chain: u64) -> GasBounds {
    GasBounds { limit: OPEN_GAS, ..GasBounds::on(chain) }
}

/// What any other step takes.
pub(super) fn other_gas(chain: u64) -> GasBounds {
    GasBounds { limit: OTHER_GAS, ..GasBounds::on(chain) }
}
