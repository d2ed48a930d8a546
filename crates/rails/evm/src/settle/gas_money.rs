//! Whether our signer can pay for gas, as was last seen of the chain. An offer that could not be settled is not made.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::Address;
use farthing_rail::NotReady;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::ChainSettler;
use super::rehearsal::{USUAL_GAS, market};
use super::sender::Market;
use crate::rpc::{At, Endpoints, Question};

/// How long what was seen holds: less when it keeps offers from being made.
const WHILE_ENOUGH: Duration = Duration::from_secs(30);
const WHILE_SHORT: Duration = Duration::from_secs(3);

/// What is known; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct GasMoney(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// What is missing, money or a node.
    short: Option<String>,
    seen: Option<Instant>,
    is_asking: bool,
    market: Option<Market>,
}

impl ChainSettler {
    /// Ready while the signer, if there is one, was not seen to lack gas money, nor its nodes to be away. Looks again from time to
    /// time, in the background, so that money that arrives is seen without a payment.
    pub(super) fn readiness(&self) -> Result<(), NotReady> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let mut known = self.gas_money.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = if known.short.is_some() { WHILE_SHORT } else { WHILE_ENOUGH };
        let is_stale = known.seen.is_none_or(|seen| seen.elapsed() >= holds);
        if is_stale
            && !known.is_asking
            && let Ok(runtime) = Handle::try_current()
        {
            known.is_asking = true;
            runtime.spawn(look(self.gas_money.clone(), self.endpoints.clone(), sender.address()));
        }
        known.short.clone().map_or(Ok(()), |short| Err(NotReady(short)))
    }
}

impl ChainSettler {
    /// Looks now.
    pub(super) async fn look_at_gas(&self, signer: Address) {
        look(self.gas_money.clone(), self.endpoints.clone(), signer).await;
    }
}

impl GasMoney {
    /// Remembers what the signer has and what gas costs.
    pub(super) fn note(&self, signer: Address, market: &Market) {
        let price = market.base_fee.saturating_mul(2).saturating_add(market.tip);
        let needed = price.saturating_mul(u128::from(USUAL_GAS));
        let short = (market.balance < needed).then(|| {
            let balance = market.balance;
            format!("the signer {signer} has {balance} of the {needed} smallest units that gas may cost; send it more")
        });
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known { short, seen: Some(Instant::now()), is_asking: false, market: Some(*market) };
    }

    /// What gas was last seen to cost.
    pub(super) fn market(&self) -> Option<Market> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).market
    }

    /// No node answers: nothing could be settled, gas money or not.
    fn away(&self, why: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.short, known.seen, known.is_asking) = (Some(why), Some(Instant::now()), false);
    }
}

async fn look(gas_money: GasMoney, endpoints: Endpoints, signer: Address) {
    let questions = vec![Question::block(At::Latest), Question::priority_fee(), Question::balance(signer, At::Latest)];
    let mut said = endpoints.ask_together(questions).await.into_iter();
    match (said.next(), said.next(), said.next()) {
        (Some(head), Some(tip), Some(balance)) => match market(&endpoints, head, tip, balance) {
            Ok(market) => gas_money.note(signer, &market),
            Err(error) => gas_money.away(error.to_string()),
        },
        _ => gas_money.away("no node answers".to_owned()),
    }
}
