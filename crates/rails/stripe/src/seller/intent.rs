//! A PaymentIntent, as far as it says whether money moved, how much and at what cost.

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{PaymentId, ProofKey, Settled};
use serde_json::Value;

use super::PAYMENT;
use crate::METHOD;
use crate::currency::code_of;

/// What is asked for together with a PaymentIntent: the charge, and what it did to the account's balance.
pub(crate) const EXPANDED: &str = "latest_charge.balance_transaction";

/// Where a PaymentIntent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// The money moved.
    Succeeded,
    /// Somebody would have to do something.
    NeedsAction,
    /// It may still move.
    Processing,
    /// It did not and will not.
    Failed,
    /// A word that this software does not know.
    Unheard,
}

/// One PaymentIntent.
pub(crate) struct PaymentIntent<'a>(&'a Value);

impl<'a> PaymentIntent<'a> {
    pub(crate) fn of(object: &'a Value) -> Self {
        Self(object)
    }

    /// `pi_...`.
    pub(crate) fn id(&self) -> Option<&'a str> {
        id(self.0.get("id")?, "pi_")
    }

    /// The payment that it was made for.
    pub(crate) fn payment(&self) -> Option<PaymentId> {
        self.0.pointer(&format!("/metadata/{PAYMENT}"))?.as_str()?.parse().ok()
    }

    pub(crate) fn stands(&self) -> Stands {
        match self.0.get("status").and_then(Value::as_str).unwrap_or_default() {
            "succeeded" => Stands::Succeeded,
            // Nobody captures later and nobody confirms later, so both are nothing but unfinished.
            "requires_action" | "requires_confirmation" | "requires_capture" => Stands::NeedsAction,
            "processing" => Stands::Processing,
            "requires_payment_method" | "canceled" => Stands::Failed,
            _ => Stands::Unheard,
        }
    }

    /// What of it is not what was ordered; nothing, if it is.
    pub(crate) fn differs(&self, payment: PaymentId, amount: Amount, asset: &Asset) -> Option<&'static str> {
        if self.payment() != Some(payment) {
            return Some("it was made for another payment");
        }
        self.differs_in_money(amount, asset)
    }

    /// The same of one that Stripe made by itself, for an invoice.
    pub(crate) fn differs_in_money(&self, amount: Amount, asset: &Asset) -> Option<&'static str> {
        if self.0.get("currency").and_then(Value::as_str) != Some(&code_of(asset)) {
            Some("it is in another currency")
        } else if units(self.0.get("amount_received").or_else(|| self.0.get("amount"))) != Some(amount.units()) {
            Some("it took another amount")
        } else {
            None
        }
    }

    /// What a succeeded one did: its fee, its shares, and the movements that the statement will show.
    pub(crate) fn settled(&self, asset: &Asset, now: Timestamp) -> Option<Settled> {
        let reference = self.id()?.to_owned();
        let charge = self.0.get("latest_charge")?;
        let charge_id = id(charge, "ch_").or_else(|| id(charge, "py_"))?;
        let key = movement(charge_id);
        let fee = transaction_fee(charge, asset);
        let mut consumed = Vec::from_iter(fee.map(|_| fee_of(&key)));
        let (passed_on, shares) = shares(charge);
        consumed.extend(shares);
        consumed.push(key);
        let made = charge.get("created").and_then(Value::as_i64).and_then(|seconds| seconds.checked_mul(1_000));
        Some(Settled {
            reference,
            at: made.map_or(now, Timestamp::from_unix_millis),
            fee: fee.unwrap_or_default(),
            passed_on,
            consumed,
            captured: None,
        })
    }
}

/// The payment that an intent was made for.
pub(crate) fn named_payment(object: &Value) -> Option<PaymentId> {
    PaymentIntent::of(object).payment()
}

/// The key of what the statement shows of a charge, a refund, a transfer or a fee of the platform.
pub(crate) fn movement(id: &str) -> ProofKey {
    ProofKey::new(format!("{METHOD}/{id}"))
}

/// The key of what Stripe took for a movement.
pub(crate) fn fee_of(movement: &ProofKey) -> ProofKey {
    ProofKey::new(format!("{}/fee", movement.as_str()))
}

/// An id with this prefix, whether it stands there itself or in the object that was asked for in its place.
pub(crate) fn id<'a>(value: &'a Value, prefix: &str) -> Option<&'a str> {
    let text = value.as_str().or_else(|| value.get("id")?.as_str())?;
    let rest = text.strip_prefix(prefix)?;
    let is_plain = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_plain && text.len() <= 128).then_some(text)
}

/// A count of the smallest unit.
pub(crate) fn units(value: Option<&Value>) -> Option<u128> {
    value?.as_u64().map(u128::from)
}

/// What Stripe kept of a charge, if it says so already, and in the currency of the charge.
fn transaction_fee(charge: &Value, asset: &Asset) -> Option<Amount> {
    let transaction = charge.get("balance_transaction")?;
    let is_ours = transaction.get("currency")?.as_str()? == code_of(asset);
    let fee = Amount::new(units(transaction.get("fee"))?);
    (is_ours && !fee.is_zero()).then_some(fee)
}

/// What of a charge was sent on, less what came back of it as the platform's fee, and the movements of both.
fn shares(charge: &Value) -> (Amount, Vec<ProofKey>) {
    let transfer = charge.get("transfer").and_then(|transfer| id(transfer, "tr_"));
    let Some(transfer) = transfer else { return (Amount::ZERO, Vec::new()) };
    let taken = charge.get("application_fee").and_then(|fee| id(fee, "fee_"));
    let sent = units(charge.pointer("/transfer_data/amount")).or_else(|| units(charge.get("amount")));
    let back = taken.and_then(|_| units(charge.get("application_fee_amount"))).unwrap_or_default();
    let keys = std::iter::once(transfer).chain(taken).map(movement).collect();
    (Amount::new(sent.unwrap_or_default().saturating_sub(back)), keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset_of;
    use serde_json::json;

    fn now() -> Timestamp {
        Timestamp::from_unix_millis(0)
    }

    fn settled(charge: &Value) -> Settled {
        let object = json!({ "id": "pi_1", "status": "succeeded", "latest_charge": charge });
        PaymentIntent::of(&object).settled(&asset_of("USD").unwrap(), now()).unwrap()
    }

    #[test]
    fn the_fee_is_the_balance_transaction_s_and_none_while_there_is_none() {
        let with = json!({ "id": "ch_1", "created": 9, "balance_transaction": { "currency": "usd", "fee": 45 } });
        let known = settled(&with);
        assert_eq!((known.fee, known.at), (Amount::new(45), Timestamp::from_unix_millis(9_000)));
        let keys: Vec<_> = known.consumed.iter().map(ProofKey::as_str).collect();
        assert_eq!(keys, ["stripe/ch_1/fee", "stripe/ch_1"]);
        let late = settled(&json!("ch_1"));
        assert_eq!((late.fee, late.consumed), (Amount::ZERO, vec![ProofKey::new("stripe/ch_1")]));
        let foreign = json!({ "id": "ch_1", "balance_transaction": { "currency": "eur", "fee": 45 } });
        assert_eq!(settled(&foreign).fee, Amount::ZERO);
    }

    #[test]
    fn what_is_sent_on_is_passed_on_less_the_platform_s_fee() {
        let split = settled(&json!({
            "id": "ch_1", "amount": 500, "transfer": "tr_1", "application_fee": "fee_1", "application_fee_amount": 100,
        }));
        assert_eq!(split.passed_on, Amount::new(400));
        let keys: Vec<_> = split.consumed.iter().map(ProofKey::as_str).collect();
        assert_eq!(keys, ["stripe/tr_1", "stripe/fee_1", "stripe/ch_1"]);
        let part =
            settled(&json!({ "id": "ch_1", "amount": 500, "transfer": "tr_1", "transfer_data": { "amount": 120 } }));
        assert_eq!(part.passed_on, Amount::new(120));
    }

    #[test]
    fn an_intent_that_is_not_what_was_ordered_says_so() {
        let payment = PaymentId::from_bytes([1; 16]);
        let usd = asset_of("USD").unwrap();
        let object = |amount: u64, currency: &str, payment: &str| json!({ "amount_received": amount, "currency": currency, "metadata": { "farthing_payment": payment } });
        let differs = |object: Value| PaymentIntent::of(&object).differs(payment, Amount::new(500), &usd);
        assert_eq!(differs(object(500, "usd", &payment.to_string())), None);
        assert_eq!(differs(object(499, "usd", &payment.to_string())), Some("it took another amount"));
        assert_eq!(differs(object(500, "eur", &payment.to_string())), Some("it is in another currency"));
        assert_eq!(differs(object(500, "usd", "pay_x")), Some("it was made for another payment"));
    }
}
