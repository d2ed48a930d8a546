use alloy_primitives::{Address, U256};
use farthing_money::Amount;
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use crate::evm::{CredentialKind, wire_address};
use crate::{Leg, Memo};

/// The profile served, and the name of its object in `methodDetails`.
pub(super) const PROFILE: &str = "evm";

/// The profiles of the draft.
const PROFILES: [&str; 4] = [PROFILE, "solana", "stacks", "gateway"];

/// The decimals of USDC.
pub(super) const DECIMALS: u8 = 6;

/// A whole request, each field checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsdcRequest {
    /// Millionths of a dollar, above zero.
    pub amount: Amount,
    /// USDC's contract.
    pub token: Address,
    /// Who is paid.
    pub recipient: Address,
    /// The chain (EIP-155).
    pub chain: u64,
}

/// Why a request is not one that can be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAUsdcRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A field is missing or not in its form.
    #[error("the request's {member} must be {rule}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A profile of the draft that is not offered.
    #[error("USDC by the profile \"{0}\" is not offered here; use the profile evm")]
    Profile(&'static str),
    /// Nothing to pay.
    #[error("the amount is zero; a USDC charge is at least one millionth")]
    Zero,
}

impl UsdcRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotAUsdcRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotAUsdcRequest> {
        let details = profile(&shared.method_details)?;
        if shared.amount.is_zero() {
            return Err(NotAUsdcRequest::Zero);
        }
        let chain = details.get("chainId").and_then(Value::as_u64).filter(|chain| *chain > 0);
        if details.get("decimals").and_then(Value::as_u64) != Some(u64::from(DECIMALS)) {
            return Err(member("decimals", "6"));
        }
        let authorization = Value::from(CredentialKind::Authorization.name());
        let only = |types: &Value| {
            types.as_array().is_some_and(|types| !types.is_empty() && types.iter().all(|kind| *kind == authorization))
        };
        if details.get("credentialTypes").is_some_and(|types| !only(types)) {
            return Err(member("credentialTypes", "authorization and nothing else, or left out"));
        }
        Ok(Self {
            amount: shared.amount,
            token: address(Some(&shared.currency), "currency")?,
            recipient: address(shared.recipient.as_deref(), "recipient")?,
            chain: chain.ok_or(member("chainId", "a chain's EIP-155 number"))?,
        })
    }

    /// As the shared request fields, with the seller's texts.
    pub fn to_shared(&self, description: Option<String>, external_id: Option<String>) -> ChargeRequest {
        let details = serde_json::json!({
            "chainId": self.chain,
            "credentialTypes": [CredentialKind::Authorization.name()],
            "decimals": DECIMALS,
        });
        let members = [("type".to_owned(), Value::from(PROFILE)), (PROFILE.to_owned(), details)];
        ChargeRequest {
            amount: self.amount,
            currency: self.token.to_checksum(None),
            recipient: Some(self.recipient.to_checksum(None)),
            description,
            external_id,
            method_details: members.into_iter().collect(),
        }
    }

    /// The one transfer that it asks for.
    pub fn leg(&self) -> Leg {
        Leg { recipient: self.recipient, amount: U256::from(self.amount.units()), memo: Memo::Any }
    }
}

/// The object of the profile that a request selects, which must be the only one and ours.
fn profile(details: &JsonObject) -> Result<&JsonObject, NotAUsdcRequest> {
    let selected = details.get("type").and_then(Value::as_str);
    let known = PROFILES.into_iter().find(|profile| Some(*profile) == selected);
    match known {
        None => return Err(member("methodDetails.type", "one of evm, solana, stacks and gateway")),
        Some(PROFILE) => (),
        Some(other) => return Err(NotAUsdcRequest::Profile(other)),
    }
    let rule = "an object, and the only one of a profile";
    let alone = PROFILES.into_iter().all(|profile| profile == PROFILE || !details.contains_key(profile));
    details.get(PROFILE).and_then(Value::as_object).filter(|_| alone).ok_or(member("methodDetails.evm", rule))
}

fn member(member: &'static str, rule: &'static str) -> NotAUsdcRequest {
    NotAUsdcRequest::Member { member, rule }
}

fn address(text: Option<&str>, name: &'static str) -> Result<Address, NotAUsdcRequest> {
    let rule = "an address other than zero: 0x and 40 hexadecimal digits";
    text.and_then(wire_address).filter(|address| !address.is_zero()).ok_or(member(name, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The draft's example A.1.
    fn example() -> Value {
        json!({
            "amount": "1000000",
            "currency": "0x3600000000000000000000000000000000000000",
            "recipient": "0xc04193C50cD2E6a1C79593e46364496Fe5fcd9b6",
            "methodDetails": {
                "type": "evm",
                "evm": { "chainId": 5042002, "decimals": 6, "credentialTypes": ["authorization"] },
            },
        })
    }

    fn with(pointer: &str, value: Value) -> Result<UsdcRequest, NotAUsdcRequest> {
        let mut request = example();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
        UsdcRequest::from_shared(&ChargeRequest::from_object(request.as_object().unwrap())?)
    }

    #[test]
    fn the_drafts_example_is_read_whole() {
        let request = with("/amount", json!("1000000")).unwrap();
        assert_eq!((request.chain, request.amount), (5_042_002, Amount::new(1_000_000)));
        assert_eq!(UsdcRequest::from_shared(&request.to_shared(None, None)), Ok(request));
    }

    #[test]
    fn profiles_that_are_not_offered_are_refused_by_name() {
        for profile in ["solana", "stacks", "gateway"] {
            assert_eq!(with("/methodDetails/type", json!(profile)), Err(NotAUsdcRequest::Profile(profile)));
            assert!(matches!(
                with(&format!("/methodDetails/{profile}"), json!({})),
                Err(NotAUsdcRequest::Member { .. })
            ));
        }
        assert!(matches!(with("/methodDetails/type", json!("tomorrow")), Err(NotAUsdcRequest::Member { .. })));
    }

    #[test]
    fn a_field_out_of_its_form_is_refused() {
        for (pointer, value) in [
            ("/methodDetails/evm/decimals", json!(18)),
            ("/methodDetails/evm/chainId", json!("1")),
            ("/methodDetails/evm/credentialTypes", json!(["authorization", "hash"])),
            ("/methodDetails/evm/credentialTypes", json!([])),
            ("/methodDetails/evm", json!(null)),
            ("/currency", json!("usdc")),
            ("/recipient", json!("0x0000000000000000000000000000000000000000")),
        ] {
            assert!(matches!(with(pointer, value), Err(NotAUsdcRequest::Member { .. })), "{pointer}");
        }
        assert_eq!(with("/amount", json!("0")), Err(NotAUsdcRequest::Zero));
    }
}
