use alloy_primitives::{B256, keccak256};
use farthing_protocol::Challenge;
use farthing_protocol::base64url;
use farthing_protocol::json::JsonError;
use farthing_protocol::json::canonical;

use super::{INTENT, METHOD};

/// The nonce that binds an authorization to a challenge: method, intent, realm, id and every byte of
/// the request (draft-usdc-charge, "Credential Schema"). An authorization made for the `evm` method
/// has another one, so that neither can be used for the other.
pub fn nonce(challenge: &Challenge) -> Result<B256, JsonError> {
    let request = base64url::decode(challenge.request().as_str()).map_err(|_| JsonError::NotBase64Url)?;
    let bound = serde_json::json!({
        "id": challenge.id().as_str(),
        "intent": INTENT,
        "method": METHOD,
        "realm": challenge.realm().as_str(),
        "requestHash": keccak256(request).to_string(),
    });
    Ok(keccak256(canonical(&bound)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    /// The draft's example A.1.
    #[test]
    fn the_drafts_example_has_the_drafts_nonce() {
        let line = concat!(
            r#"Payment realm="api.example.com", method="usdc", intent="charge", id="usdc_evm_direct_001", request=""#,
            "eyJhbW91bnQiOiIxMDAwMDAwIiwiY3VycmVuY3kiOiIweDM2MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAiLCJkZXNj",
            "cmlwdGlvbiI6IkFyYyBUZXN0bmV0IFVTREMgY2hhcmdlIiwiZXh0ZXJuYWxJZCI6Imludm9pY2UtZXZtLTAwMSIsIm1ldGhvZERldGFpbHMi",
            "OnsiZXZtIjp7ImNoYWluSWQiOjUwNDIwMDIsImNyZWRlbnRpYWxUeXBlcyI6WyJhdXRob3JpemF0aW9uIl0sImRlY2ltYWxzIjo2fSwidHlw",
            "ZSI6ImV2bSJ9LCJyZWNpcGllbnQiOiIweGMwNDE5M0M1MGNEMkU2YTFDNzk1OTNlNDYzNjQ0OTZGZTVmY2Q5YjYifQ",
            r#"", expires="2026-04-01T12:05:00Z""#,
        );
        let challenge = Challenge::parse_all([line.as_bytes()]).remove(0).unwrap();
        assert_eq!(
            nonce(&challenge).unwrap(),
            b256!("03e1d1aa38e2c56a0bb12e2d4562082c1c26496553f838064f3e6b4c3db9d2c2")
        );
    }
}
