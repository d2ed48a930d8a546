//! The contracts through which x402 moves tokens by Permit2.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use serde::{Deserialize, Serialize};

use crate::eip712::struct_hash;
use crate::{Payment, Way};

/// Where the proxy of the scheme `exact` stands on every chain that has it.
pub const EXACT_PROXY: Address = address!("402085c248EeA27D92E8b30b2C58ed07f9E20001");
/// Where the proxy of the scheme `upto` stands.
pub const UPTO_PROXY: Address = address!("4020A4f3b7b90ccA423B9fabCc0CE57C6C240002");

/// `keccak256("Witness(address to,uint256 validAfter)")`.
const EXACT_WITNESS: B256 = b256!("d97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37");
/// `keccak256("Witness(address to,address facilitator,uint256 validAfter)")`.
const UPTO_WITNESS: B256 = b256!("d4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75");
/// The type of a permit that ends in the first witness, and in the second.
const EXACT_PERMIT: B256 = b256!("ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7");
const UPTO_PERMIT: B256 = b256!("51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee");

/// Which proxy submits a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proxy {
    /// Moves all that is permitted, on anybody's call.
    Exact,
    /// Moves what it is told, at most what is permitted, on the call of the one whom the payer names.
    Upto,
}

mod exact {
    use super::sol;

    sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; uint256 validAfter; }
        function settle(PermitTransferFrom permit, address owner, Witness witness, bytes signature);
        function PERMIT2() view returns (address);
    }
}

mod upto {
    use super::sol;

    sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; address facilitator; uint256 validAfter; }
        function settle(PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature);
    }
}

impl Proxy {
    /// Where it stands.
    pub const fn address(self) -> Address {
        match self {
            Self::Exact => EXACT_PROXY,
            Self::Upto => UPTO_PROXY,
        }
    }

    /// The hash of the type that is signed.
    pub(super) const fn permit_type(self) -> B256 {
        match self {
            Self::Exact => EXACT_PERMIT,
            Self::Upto => UPTO_PERMIT,
        }
    }

    /// The hash of a witness: who is paid, who may submit it, and from when on.
    pub(super) fn witness(self, to: Address, facilitator: Address, valid_after: U256) -> B256 {
        match self {
            Self::Exact => struct_hash(&EXACT_WITNESS, &[to.into_word(), valid_after.into()]),
            Self::Upto => struct_hash(&UPTO_WITNESS, &[to.into_word(), facilitator.into_word(), valid_after.into()]),
        }
    }

    /// What it answers with a word wherever it stands.
    pub(crate) fn probe(self) -> (Address, Bytes) {
        (self.address(), exact::PERMIT2Call {}.abi_encode().into())
    }
}

/// The call that moves a payment's money through a proxy; `None` for a payment that moves otherwise.
#[allow(non_snake_case)] // the members are named as in the ABI
pub(crate) fn submission(payment: &Payment) -> Option<(Address, Bytes)> {
    let Way::Proxied { proxy, owner, to, permitted, nonce, deadline, valid_after, facilitator, signature, .. } =
        &payment.way
    else {
        return None;
    };
    let (owner, to, nonce, deadline, validAfter) = (*owner, *to, *nonce, *deadline, *valid_after);
    let (token, signature) = (payment.token, crate::evm::wrapped::inner(signature));
    let data = match proxy {
        Proxy::Exact => {
            let permitted = exact::TokenPermissions { token, amount: *permitted };
            let permit = exact::PermitTransferFrom { permitted, nonce, deadline };
            let witness = exact::Witness { to, validAfter };
            exact::settleCall { permit, owner, witness, signature }.abi_encode()
        }
        Proxy::Upto => {
            let permitted = upto::TokenPermissions { token, amount: *permitted };
            let permit = upto::PermitTransferFrom { permitted, nonce, deadline };
            let witness = upto::Witness { to, facilitator: *facilitator, validAfter };
            let amount = payment.legs.first()?.amount;
            upto::settleCall { permit, amount, owner, witness, signature }.abi_encode()
        }
    };
    Some((proxy.address(), data.into()))
}

/// The words that every call of the proxy of `exact` holds for this payment: the permit, its owner and its
/// witness.
pub(crate) fn told(payment: &Payment) -> Option<Bytes> {
    const SELECTOR: usize = 4;
    const WORDS: usize = 7;
    let (_, data) = submission(payment)?;
    let words = SELECTOR..SELECTOR + WORDS * 32;
    (data.len() >= words.end).then(|| data.slice(words))
}

/// How much a call of the proxy of `upto` takes.
pub(crate) fn amount_taken(data: &[u8]) -> Option<U256> {
    upto::settleCall::abi_decode(data).ok().map(|call| call.amount)
}

/// How much a transaction takes of a payment's permit: what it tells the proxy of `upto` wherever in its input,
/// at most what is permitted.
pub(crate) fn amount_taken_by(input: &[u8], payment: &Payment) -> Option<U256> {
    let Way::Proxied { owner, to, permitted, nonce, deadline, facilitator, .. } = &payment.way else { return None };
    let permit = (payment.token, *permitted, *nonce, *deadline, *owner, *to, *facilitator);
    let told = |call: &upto::settleCall| {
        let (permitted, witness) = (&call.permit.permitted, &call.witness);
        let (nonce, deadline) = (call.permit.nonce, call.permit.deadline);
        (permitted.token, permitted.amount, nonce, deadline, call.owner, witness.to, witness.facilitator)
    };
    let selector = upto::settleCall::SELECTOR;
    let starts = input.windows(selector.len()).enumerate().filter(|(_, word)| *word == selector);
    let mut calls = starts.filter_map(|(at, _)| upto::settleCall::abi_decode(input.get(at..)?).ok());
    let ours = calls.find(|call| told(call) == permit);
    ours.map(|call| call.amount).filter(|amount| amount <= permitted)
}

/// The hash of what is permitted.
pub(super) fn permission(token: Address, amount: U256) -> B256 {
    let kind = keccak256("TokenPermissions(address token,uint256 amount)");
    struct_hash(&kind, &[token.into_word(), amount.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_selectors_are_those_of_the_deployed_contracts() {
        let permit = "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 \
                      deadline,Witness witness)TokenPermissions(address token,uint256 amount)";
        for (proxy, witness, hash) in [
            (Proxy::Exact, "Witness(address to,uint256 validAfter)", EXACT_WITNESS),
            (Proxy::Upto, "Witness(address to,address facilitator,uint256 validAfter)", UPTO_WITNESS),
        ] {
            assert_eq!(keccak256(witness), hash);
            assert_eq!(keccak256(format!("{permit}{witness}")), proxy.permit_type());
        }
        assert_eq!(exact::settleCall::SELECTOR, [0x13, 0xcd, 0x3b, 0x53]);
        assert_eq!(upto::settleCall::SELECTOR, [0xff, 0x11, 0xe7, 0xb4]);
        assert_eq!(exact::PERMIT2Call::SELECTOR, [0x6a, 0xfd, 0xd8, 0x50]);
    }
}
