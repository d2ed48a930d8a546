//! The payment that takes what vouchers are worth.

use alloy_primitives::{Bytes, U256};
use farthing_money::{Amount, Asset};
use farthing_rail::{Collection, Proof, ProofKey, RailError, Settled, Settlement};

use crate::log::{self, Log};
use crate::session::{KeptSession, VaultKind};
use crate::{Leg, Memo, Payment, Way};

/// What is said to the escrow, and the total that it has paid then.
struct Taking {
    data: Bytes,
    total: Amount,
}

/// The proof of a payment that collects. Its money comes out of the escrow.
pub(super) fn proof(collection: &Collection<'_>, asset: &Asset) -> Result<Proof, RailError> {
    let kept = KeptSession::read(collection.session_kept)?;
    let Taking { data, total } = taking(collection, &kept)?;
    let amount = total.checked_sub(collection.settled).unwrap_or(Amount::ZERO);
    let KeptSession { vault, terms } = kept;
    let units = U256::from(amount.units());
    let leg = (!amount.is_zero()).then_some(Leg { recipient: terms.payee, amount: units, memo: Memo::Any });
    let payment = Payment {
        chain: vault.chain,
        token: terms.token,
        payer: Some(vault.contract),
        legs: leg.into_iter().collect(),
        way: Way::Called { contract: vault.contract, data, valid_before: None },
    };
    let what = if collection.closes { "closed" } else { "collected" };
    Ok(Proof {
        key: ProofKey::new(format!("{}/{what}/{total}", vault.name_of(&kept.channel()))),
        payer: Some(collection.payer.clone()),
        amount,
        asset: asset.clone(),
        kept: serde_json::to_vec(&payment).map_err(|error| RailError(error.to_string()))?,
    })
}

/// The reserve closes with a part of the voucher; everywhere else, and whenever it does not close, a voucher is
/// taken whole. What adds nothing needs no voucher.
fn taking(collection: &Collection<'_>, kept: &KeptSession) -> Result<Taking, RailError> {
    let KeptSession { vault, terms } = kept;
    let Collection { settled, capture, closes, .. } = *collection;
    let voucher = collection.voucher.filter(|(total, _)| *total > settled);
    let (total, signature) = match voucher {
        Some((total, signature)) => (total, Bytes::copy_from_slice(signature)),
        None if closes => (settled, Bytes::new()),
        None => return Err(RailError("no voucher is worth more than what was collected already".to_owned())),
    };
    if capture > total.max(settled) {
        let sentence = format!("{capture} base units cannot be taken by a voucher over {total}");
        return Err(RailError(sentence));
    }
    if !closes {
        return Ok(Taking { data: vault.settle(terms, total, signature), total });
    }
    let taken = if vault.kind == VaultKind::Reserve { capture.max(settled) } else { total };
    let (total, signature) = if taken == settled { (settled, Bytes::new()) } else { (total, signature) };
    Ok(Taking { data: vault.close(terms, total, taken, signature), total: taken })
}

impl Payment {
    /// What a call of an escrow moved to whom it pays, where that is less: something of it had been collected
    /// before, unknown to the books. Any other payment is what it is.
    pub(in crate::settle) fn as_moved(&self, logs: &[Log]) -> Self {
        let (Way::Called { contract, .. }, [leg]) = (&self.way, self.legs.as_slice()) else { return self.clone() };
        if self.payer != Some(*contract) {
            return self.clone();
        }
        let transfers = log::transfers(self.token, logs);
        let ours = transfers.iter().filter(|(_, moved)| (moved.from, moved.to) == (*contract, leg.recipient));
        let sum = ours.fold(U256::ZERO, |sum, (_, moved)| sum.saturating_add(moved.amount));
        match sum {
            sum if sum >= leg.amount => self.clone(),
            sum if sum.is_zero() => Self { legs: Vec::new(), ..self.clone() },
            sum => self.taking(sum),
        }
    }
}

/// Says how much was taken, where it is less than was asked for.
pub(in crate::settle) fn with_captured(settlement: Settlement, moved: &Payment, asked: &Payment) -> Settlement {
    match settlement {
        Settlement::Settled(settled) if moved.legs != asked.legs => {
            let amount = moved.legs.first().map_or(U256::ZERO, |leg| leg.amount);
            Settlement::Settled(Settled { captured: Some(Amount::new(amount.saturating_to())), ..settled })
        }
        other => other,
    }
}
