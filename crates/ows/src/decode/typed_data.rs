//! Typed data (EIP-712), and what the messages move that tokens and Permit2 take.

use alloy_dyn_abi::{DynSolValue, TypedData};
use alloy_primitives::{Address, U256, address};
use farthing_protocol::json::parse_object;
use serde_json::Value;

use crate::decode::{Facts, Move};
use crate::{Asset, Chain, OwsError};

/// Typed data, read.
pub(crate) struct Typed {
    data: TypedData,
    value: DynSolValue,
    /// The 66 bytes whose hash is signed.
    pub(crate) message: [u8; 66],
    /// As it was presented.
    pub(crate) json: String,
}

/// Where Permit2 stands on every chain that has it.
const PERMIT2: Address = address!("000000000022d473030f116ddee9f6b43ac78ba3");

/// The messages that are known to the letter, each with where its payee and its amounts stand.
const KNOWN: &[(&str, Shape)] = &[
    (
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
        Shape::Token { to: 1, value: 2 },
    ),
    (
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,\
         bytes32 nonce)",
        Shape::Token { to: 1, value: 2 },
    ),
    (
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,\
         bytes32 nonce)",
        Shape::Token { to: 1, value: 2 },
    ),
    (
        "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)\
         TokenPermissions(address token,uint256 amount)",
        Shape::Permit2,
    ),
    (
        "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)\
         TokenPermissions(address token,uint256 amount)",
        Shape::Permit2,
    ),
    (
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)\
         PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)",
        Shape::Permit2,
    ),
    (
        "PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)\
         PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)",
        Shape::Permit2,
    ),
];

#[derive(Clone, Copy)]
enum Shape {
    /// The token is the contract that verifies; payee and amount are members.
    Token { to: usize, value: usize },
    /// The first member is a token with an amount, or a list of such; the second is who may take it.
    Permit2,
}

impl Typed {
    /// Reads typed data whose domain is declared as it is used.
    pub(crate) fn read(json: &str) -> Result<Self, OwsError> {
        let refused = |why: String| OwsError::InvalidInput(format!("the typed data cannot be signed: {why}"));
        let object = parse_object(json.as_bytes()).map_err(|error| refused(error.to_string()))?;
        let data: TypedData = serde_json::from_value(Value::Object(object.clone()))
            .map_err(|_| refused("it is not types, primaryType, domain and message (EIP-712)".into()))?;
        // The hash covers what the domain says, so a declaration of another domain, or a member that is not
        // declared, would be something that was shown and not signed.
        let declared = data.resolver.encode_type("EIP712Domain").map_err(|error| refused(error.to_string()))?;
        let members = object.get("domain").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        if declared != data.domain.encode_type() || members != data.domain.num_words() {
            return Err(refused("its domain is not the one that its types declare".into()));
        }
        if data.primary_type == "EIP712Domain" {
            return Err(refused("its message is the domain itself".into()));
        }
        let value = data.coerce().map_err(|_| refused("its message does not fit its types".into()))?;
        if !members_fit(&value, &data.message) {
            return Err(refused("its message has members that its types do not declare".into()));
        }
        let hash = data.hash_struct().map_err(|error| refused(error.to_string()))?;
        let mut message = [0; 66];
        let (prefix, rest) = message.split_at_mut(2);
        prefix.copy_from_slice(&[0x19, 0x01]);
        let (first, second) = rest.split_at_mut(32);
        first.copy_from_slice(data.domain.separator().as_slice());
        second.copy_from_slice(hash.as_slice());
        Ok(Self { data, value, message, json: json.to_owned() })
    }

    /// What it allows whoever presents it.
    pub(crate) fn facts(&self) -> Facts {
        let chain = self.chain();
        let contract = self.data.domain.verifying_contract;
        let moves = chain.zip(contract).and_then(|(chain, contract)| self.moves(chain, contract));
        let unknown = moves.is_none().then_some("it is a message that is not decoded here");
        Facts { chain, contract, moves: moves.unwrap_or_default(), unknown }
    }

    /// The chain of its domain.
    pub(crate) fn chain(&self) -> Option<Chain> {
        self.data.domain.chain_id.and_then(|chain| u64::try_from(chain).ok()).map(Chain)
    }

    /// Whether its domain names a chain at all.
    pub(crate) fn names_a_chain(&self) -> bool {
        self.data.domain.chain_id.is_some()
    }

    pub(crate) fn primary_type(&self) -> &str {
        &self.data.primary_type
    }

    pub(crate) fn domain_name(&self) -> Option<&str> {
        self.data.domain.name.as_deref()
    }

    pub(crate) fn domain_version(&self) -> Option<&str> {
        self.data.domain.version.as_deref()
    }

    fn moves(&self, chain: Chain, contract: Address) -> Option<Vec<Move>> {
        let (encoded, members) = (self.data.encode_type().ok()?, members(&self.value)?);
        let moved = |token: Address, payee: Address, amount: U256| {
            let asset = Asset { chain, token: Some(token) };
            Move { asset, payee: Some(payee), amount }
        };
        let shape = KNOWN.iter().find(|(known, _)| *known == encoded).map(|(_, shape)| *shape);
        match shape.or_else(|| witnessed(&encoded).then_some(Shape::Permit2))? {
            Shape::Token { to, value } => {
                Some(vec![moved(contract, members.get(to)?.as_address()?, members.get(value)?.as_uint()?.0)])
            }
            // Another contract may mean something else by the same words.
            Shape::Permit2 if contract != PERMIT2 => None,
            Shape::Permit2 => {
                let spender = members.get(1)?.as_address()?;
                let permitted = match members.first()? {
                    DynSolValue::Array(list) => list.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let one = |permitted: &DynSolValue| match self::members(permitted)? {
                    [token, amount, ..] => Some(moved(token.as_address()?, spender, amount.as_uint()?.0)),
                    _ => None,
                };
                permitted.iter().map(one).collect()
            }
        }
    }
}

/// A Permit2 transfer with something that whoever takes it must keep to: what may be taken is the same.
fn witnessed(encoded: &str) -> bool {
    ["PermitWitnessTransferFrom(TokenPermissions", "PermitBatchWitnessTransferFrom(TokenPermissions[]"].iter().any(
        |begins| {
            let rest = encoded.strip_prefix(begins);
            rest.is_some_and(|rest| {
                rest.starts_with(" permitted,address spender,uint256 nonce,uint256 deadline,")
                    && rest.contains(")TokenPermissions(address token,uint256 amount)")
            })
        },
    )
}

fn members(value: &DynSolValue) -> Option<&[DynSolValue]> {
    match value {
        DynSolValue::CustomStruct { tuple, .. } => Some(tuple),
        _ => None,
    }
}

/// Whether every member of the JSON was declared, at every depth.
fn members_fit(value: &DynSolValue, shown: &Value) -> bool {
    match (value, shown) {
        (DynSolValue::CustomStruct { prop_names, tuple, .. }, Value::Object(object)) => {
            let fits = |(name, value)| object.get::<String>(name).is_some_and(|shown| members_fit(value, shown));
            object.len() == prop_names.len() && prop_names.iter().zip(tuple).all(fits)
        }
        (DynSolValue::Array(values) | DynSolValue::FixedArray(values), Value::Array(shown)) => {
            values.len() == shown.len() && values.iter().zip(shown).all(|(value, shown)| members_fit(value, shown))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
