use farthing_money::{Amount, Asset};
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use crate::{BalanceRequest, NotABalanceRequest, identifier_of};

/// The longest name of a unit that is read, in bytes.
const LONGEST_UNIT: usize = 32;

/// What a session challenge of this method asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// Millionths of the currency for one unit, above zero.
    pub unit_amount: Amount,
    /// The currency, in the issuer's books.
    pub asset: Asset,
    /// Whose books hold the balance: the gateway's public URL or host.
    pub issuer: String,
    /// What a unit is called.
    pub unit: Option<String>,
    /// What the issuer suggests to set aside.
    pub suggested_deposit: Option<Amount>,
    /// The least that a voucher must add.
    pub least_delta: Amount,
}

impl SessionRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotABalanceRequest> {
        let object = request.decode()?;
        let request = Self::from_shared(&ChargeRequest::from_object(&object)?)?;
        let unit = object.get("unitType").and_then(Value::as_str).filter(|unit| unit.len() <= LONGEST_UNIT);
        let suggested_deposit = amount_in(&object, "suggestedDeposit")?;
        Ok(Self { unit: unit.map(str::to_owned), suggested_deposit, ..request })
    }

    /// Reads what is in the shared fields and their `methodDetails`: all but the unit and the suggested deposit, which
    /// are advice.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotABalanceRequest> {
        let BalanceRequest { amount, asset, issuer } = BalanceRequest::from_shared(shared)?;
        let least_delta = amount_in(&shared.method_details, "minVoucherDelta")?.unwrap_or(Amount::ZERO);
        Ok(Self { unit_amount: amount, asset, issuer, unit: None, suggested_deposit: None, least_delta })
    }

    /// As a challenge's request, with the seller's text.
    pub fn to_object(&self, description: Option<String>) -> JsonObject {
        let charge =
            BalanceRequest { amount: self.unit_amount, asset: self.asset.clone(), issuer: self.issuer.clone() };
        let mut shared = charge.to_shared(description, None);
        if !self.least_delta.is_zero() {
            shared.method_details.insert("minVoucherDelta".into(), self.least_delta.to_string().into());
        }
        let mut object = shared.to_object();
        object.extend(self.unit.as_ref().map(|unit| ("unitType".to_owned(), Value::from(unit.as_str()))));
        let suggested = self.suggested_deposit.map(|deposit| Value::from(deposit.to_string()));
        object.extend(suggested.map(|deposit| ("suggestedDeposit".to_owned(), deposit)));
        object
    }

    /// The currency as it stands on the wire.
    pub fn currency(&self) -> String {
        identifier_of(&self.asset)
    }
}

fn amount_in(object: &JsonObject, member: &'static str) -> Result<Option<Amount>, JsonError> {
    let refused = || JsonError::Member { member, rule: "a whole number of base units as text, such as \"1000\"" };
    let Some(value) = object.get(member) else { return Ok(None) };
    let amount = value.as_str().and_then(|text| text.parse().ok()).ok_or_else(refused)?;
    Ok(Some(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_from_its_object() {
        let request = SessionRequest {
            unit_amount: Amount::new(20),
            asset: crate::asset_of("usd.6").unwrap(),
            issuer: "https://api.example.com".to_owned(),
            unit: Some("token".to_owned()),
            suggested_deposit: Some(Amount::new(50_000)),
            least_delta: Amount::new(10),
        };
        let object = request.to_object(Some("a model".to_owned()));
        assert_eq!(SessionRequest::read(&EncodedObject::encode(&object).unwrap()), Ok(request));
        for (member, value) in [("suggestedDeposit", "1.5"), ("amount", "0"), ("currency", "usd"), ("recipient", "x")] {
            let mut object = object.clone();
            object.insert(member.to_owned(), value.into());
            assert!(SessionRequest::read(&EncodedObject::encode(&object).unwrap()).is_err(), "{member}");
        }
    }
}
