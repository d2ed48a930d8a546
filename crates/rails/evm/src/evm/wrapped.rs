//! ERC-6492: the signature of a contract account that may not be deployed yet, wrapped together with
//! how to deploy it.

use alloy_primitives::{Address, B256, Bytes, b256};
use alloy_sol_types::SolType as _;
use alloy_sol_types::sol_data;

/// What a wrapped signature ends with.
const MAGIC: B256 = b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// A signature with the deployment of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Who would deploy the account. Never called by this crate.
    pub factory: Address,
    /// What it would be told.
    pub deployment: Bytes,
    /// The signature for the account's `isValidSignature`.
    pub signature: Bytes,
}

/// Reads a wrapped signature; `None` when it is not one.
pub fn unwrap(signature: &[u8]) -> Option<Wrapped> {
    let body = signature.strip_suffix(MAGIC.as_slice())?;
    let (factory, deployment, signature) =
        <(sol_data::Address, sol_data::Bytes, sol_data::Bytes)>::abi_decode_params(body).ok()?;
    Some(Wrapped { factory, deployment, signature })
}

/// The signature inside, or the signature itself when it is not wrapped.
pub fn inner(signature: &Bytes) -> Bytes {
    unwrap(signature).map_or_else(|| signature.clone(), |wrapped| wrapped.signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolValue as _;

    #[test]
    fn a_wrapped_signature_is_opened_and_any_other_is_left_alone() {
        let wrapped = Wrapped {
            factory: Address::repeat_byte(0xfa),
            deployment: Bytes::from_static(b"deploy"),
            signature: Bytes::from_static(b"signature of the account"),
        };
        let parts = (wrapped.factory, wrapped.deployment.clone(), wrapped.signature.clone());
        let mut bytes = parts.abi_encode_params();
        bytes.extend_from_slice(MAGIC.as_slice());
        assert_eq!(unwrap(&bytes), Some(wrapped.clone()));
        assert_eq!(inner(&bytes.into()), wrapped.signature);

        let plain = Bytes::from_static(&[7; 65]);
        assert_eq!(unwrap(&plain), None);
        assert_eq!(inner(&plain), plain);
        assert_eq!(unwrap(MAGIC.as_slice()), None);
    }
}
