// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Permit2, as far as it is needed here: a transfer that the owner signed for one spender, with a witness of the
/// spender's own in the signature.
interface Permit2 {
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    function permitWitnessTransferFrom(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}

// Where it is on every chain.
Permit2 constant PERMIT2_ON_EVERY_CHAIN = Permit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
