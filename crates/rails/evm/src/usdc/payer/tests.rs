use super::*;
use crate::evm::testing::*;
use crate::usdc::{UsdcCharge, UsdcSettings};
use farthing_rail::Method as _;
use serde_json::json;

fn wallet() -> UsdcPayer {
    UsdcPayer::new(payer(), &Chains::default(), Arc::new(now))
}

fn quote(challenge: &Challenge) -> Result<Quote, NotPayable> {
    let origin = "https://api.example.com".parse().unwrap();
    wallet().quote(&Offer { challenge, origin: &origin, amount: None, now: now() })
}

#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn sign_quote(quote: Quote) -> Result<Credential, SignError> {
    at_once(wallet().sign(Approved::grant(quote))).map(|signed| signed.credential)
}

#[test]
fn what_the_wallet_signs_is_what_the_seller_takes() {
    let seller = UsdcCharge::new(UsdcSettings::new(usdc(), SELLER)).unwrap();
    let challenge = challenge(&seller);
    let quoted = quote(&challenge).unwrap();
    assert_eq!((quoted.amount.units(), quoted.fee.units()), (1000, 0));
    assert!(verify(&seller, &sign_quote(quoted.clone()).unwrap()).is_ok());
    let dearer = Quote { amount: Amount::new(2000), ..quoted };
    assert!(matches!(sign_quote(dearer), Err(SignError::Differs(_))));
}

#[test]
fn what_is_not_usdc_on_file_is_not_paid() {
    let seller = UsdcCharge::new(UsdcSettings::new(usdc(), SELLER)).unwrap();
    let mut request = serde_json::Value::Object(seller.request(&order()).unwrap());
    request["currency"] = json!(STRANGER.to_checksum(None));
    let challenge = challenge_of("usdc", request.as_object().unwrap());
    assert!(quote(&challenge).unwrap_err().0.contains("not known to be USDC"));
    request["methodDetails"] = json!({ "type": "solana", "solana": {} });
    let challenge = challenge_of("usdc", request.as_object().unwrap());
    assert!(quote(&challenge).unwrap_err().0.contains("not offered"));
}
