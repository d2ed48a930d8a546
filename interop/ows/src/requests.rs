//! What is asked for, of both.

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{TxKind, U256, address, hex, keccak256};
use farthing_ows::Presented;
use serde_json::{Value, json};

/// The chain that every request names.
pub(crate) const CHAIN: &str = "eip155:8453";
pub(crate) const PERMIT2: &str = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
pub(crate) const TOKEN: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

/// One kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Message,
    LongAsADigest,
    Transaction,
    OfAnotherChain,
    NoTransaction,
    Permit,
    PermitElsewhere,
    PermitOfAnotherChain,
    PermitWithoutChain,
    Digest,
}

pub(crate) const ALL: &[(Asked, &str)] = &[
    (Asked::Message, "message"),
    (Asked::LongAsADigest, "message of 32 bytes"),
    (Asked::Transaction, "transaction"),
    (Asked::OfAnotherChain, "transaction of another chain"),
    (Asked::NoTransaction, "bytes that are none"),
    (Asked::Permit, "typed data for Permit2"),
    (Asked::PermitElsewhere, "typed data for a token"),
    (Asked::PermitOfAnotherChain, "typed data of another chain"),
    (Asked::PermitWithoutChain, "typed data without chain"),
    (Asked::Digest, "digest"),
];

impl Asked {
    pub(crate) fn presented(self) -> Presented {
        match self {
            Self::Message => Presented::Message(b"hello".to_vec()),
            Self::LongAsADigest => Presented::Message(keccak256("x").to_vec()),
            Self::Transaction => Presented::Transaction(transaction(8453)),
            Self::OfAnotherChain => Presented::Transaction(transaction(1)),
            Self::NoTransaction => Presented::Transaction(b"no transaction at all".to_vec()),
            Self::Permit => Presented::TypedData(permit(Some(8453), PERMIT2)),
            Self::PermitElsewhere => Presented::TypedData(permit(Some(8453), TOKEN)),
            Self::PermitOfAnotherChain => Presented::TypedData(permit(Some(1), PERMIT2)),
            Self::PermitWithoutChain => Presented::TypedData(permit(None, PERMIT2)),
            Self::Digest => Presented::Digest(keccak256("x").0),
        }
    }

    /// The signature of the reference library, in hexadecimal; `None` when it refuses.
    pub(crate) fn signed_by_theirs(self, wallet: &str, token: &str, vault: &std::path::Path) -> Option<String> {
        let (token, vault) = (Some(token), Some(vault));
        let signed = match self.presented() {
            Presented::Message(message) => {
                let message = hex::encode(message);
                ows_lib::sign_message(wallet, CHAIN, &message, token, Some("hex"), None, None, vault)
            }
            Presented::Transaction(bytes) => {
                ows_lib::sign_transaction(wallet, CHAIN, &hex::encode(bytes), token, None, vault)
            }
            Presented::TypedData(data) => ows_lib::sign_typed_data(wallet, CHAIN, &data, token, None, None, vault),
            Presented::Digest(digest) => ows_lib::sign_hash(wallet, CHAIN, &hex::encode(digest), token, None, vault),
            _ => return None,
        };
        signed.ok().map(|signed| signed.signature)
    }
}

fn transaction(chain_id: u64) -> Vec<u8> {
    let to = TxKind::Call(address!("000000000000000000000000000000000000beef"));
    TxEip1559 { chain_id, gas_limit: 21_000, to, value: U256::from(5), ..TxEip1559::default() }.encoded_for_signing()
}

fn permit(chain: Option<u64>, contract: &str) -> String {
    let fields = |members: &[(&str, &str)]| -> Value {
        members.iter().map(|(kind, name)| json!({ "name": name, "type": kind })).collect()
    };
    let mut domain = vec![("string", "name")];
    domain.extend(chain.map(|_| ("uint256", "chainId")));
    domain.push(("address", "verifyingContract"));
    let mut data = json!({
        "types": {
            "EIP712Domain": fields(&domain),
            "PermitSingle": fields(&[("PermitDetails", "details"), ("address", "spender"), ("uint256", "sigDeadline")]),
            "PermitDetails": fields(&[
                ("address", "token"), ("uint160", "amount"), ("uint48", "expiration"), ("uint48", "nonce"),
            ]),
        },
        "primaryType": "PermitSingle",
        "domain": { "name": "Permit2", "verifyingContract": contract },
        "message": {
            "details": { "token": TOKEN, "amount": "1000000", "expiration": "1795000000", "nonce": "0" },
            "spender": "0x000000000000000000000000000000000000bEEF",
            "sigDeadline": "1795000000",
        },
    });
    if let Some(chain) = chain {
        data["domain"]["chainId"] = chain.into();
    }
    data.to_string()
}
