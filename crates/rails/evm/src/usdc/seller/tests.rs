use super::*;
use crate::evm::testing::*;
use crate::evm::{Authorization, EvmCharge, EvmSettings};
use farthing_protocol::Challenge;

fn usdc_charge() -> UsdcCharge {
    UsdcCharge::new(UsdcSettings::new(usdc(), SELLER)).unwrap()
}

fn authorized(challenge: &Challenge) -> Authorization {
    let nonce = nonce(challenge).unwrap();
    signed_for(&usdc(), Authorization { nonce, ..unsigned(challenge) })
}

#[test]
fn an_authorization_with_the_methods_own_nonce_pays() {
    let charge = usdc_charge();
    let challenge = challenge(&charge);
    let authorization = authorized(&challenge);
    let credential = credential(&challenge, Payload::Authorization(authorization.clone()).to_object());
    let proof = verify(&charge, &credential).unwrap();
    assert_eq!(proof.key, authorization.key(BASE, &usdc().contract));
    assert_eq!(payment(&proof).legs, [UsdcRequest::read(challenge.request()).unwrap().leg()]);
}

#[test]
fn a_receipt_names_the_profile_and_the_network() {
    let members = serde_json::json!({ "type": "evm", "network": "eip155:8453" });
    assert_eq!(serde_json::Value::Object(usdc_charge().receipt_members()), members);
}

#[test]
fn credentials_of_evm_and_usdc_are_not_interchangeable() {
    let (usdc_charge, evm_charge) = (usdc_charge(), EvmCharge::new(EvmSettings::new(usdc(), SELLER)).unwrap());
    let evm_challenge = challenge(&evm_charge);
    let of_usdc = Payload::Authorization(authorized(&evm_challenge)).to_object();
    assert!(refusal(&evm_charge, &credential(&evm_challenge, of_usdc)).contains("nonce"));
    let usdc_challenge = challenge(&usdc_charge);
    let of_evm = Payload::Authorization(signed_for(&usdc(), unsigned(&usdc_challenge))).to_object();
    assert!(refusal(&usdc_charge, &credential(&usdc_challenge, of_evm)).contains("nonce"));
}

#[test]
fn other_kinds_tokens_and_sources_are_refused() {
    let charge = usdc_charge();
    let challenge = challenge(&charge);
    let hash = Payload::Hash(B256::ZERO).to_object();
    assert!(refusal(&charge, &credential(&challenge, hash)).contains("send an authorization"));
    let foreign = UsdcCharge::new(UsdcSettings::new(usdc(), STRANGER)).unwrap();
    let payload = Payload::Authorization(authorized(&challenge)).to_object();
    assert!(refusal(&foreign, &credential(&challenge, payload.clone())).contains("recipient"));
    let source = payer_id(BASE, &STRANGER).as_str().to_owned();
    let stolen = farthing_protocol::Credential::new(challenge, payload, Some(source));
    assert!(refusal(&charge, &stolen).contains("source"));
    let euros = UsdcSettings::new(crate::chain::by_code(BASE, "EURC").unwrap(), SELLER);
    assert!(UsdcCharge::new(euros).unwrap_err().to_string().contains("native USDC only"));
    let unsignable = Token { domain: None, ..usdc() };
    assert!(UsdcCharge::new(UsdcSettings::new(unsignable, SELLER)).is_err());
}
