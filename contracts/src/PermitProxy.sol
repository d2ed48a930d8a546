// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Permit2, PERMIT2_ON_EVERY_CHAIN} from "./Permit2.sol";

/// EIP-2612, as far as it is needed here.
interface PermittingToken {
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// What x402's two proxies to Permit2 have in common, written from their interface. The owner's witness names the payee,
/// so that whoever sends the transaction cannot turn the money elsewhere. No constructor and no immutables.
abstract contract PermitProxy {
    /// An allowance for Permit2, signed as EIP-2612 says.
    struct EIP2612Permit {
        uint256 value;
        uint256 deadline;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    Permit2 public constant PERMIT2 = PERMIT2_ON_EVERY_CHAIN;

    bool private _entered;

    event Settled();
    event SettledWithPermit();

    error InvalidOwner();
    error InvalidDestination();
    error PaymentTooEarly();
    error Permit2612AmountMismatch();
    error ReentrancyGuardReentrantCall();

    modifier once() {
        if (_entered) revert ReentrancyGuardReentrantCall();
        _entered = true;
        _;
        _entered = false;
    }

    /// Gives Permit2 its allowance. Somebody may have sent the same permit before: then this one fails, and the
    /// allowance is there all the same. Where it is not, Permit2 refuses.
    function _allow(
        EIP2612Permit calldata allowance,
        Permit2.PermitTransferFrom calldata permit,
        address owner
    ) internal {
        if (allowance.value != permit.permitted.amount) revert Permit2612AmountMismatch();
        try PermittingToken(permit.permitted.token).permit(
            owner, address(PERMIT2), allowance.value, allowance.deadline, allowance.v, allowance.r, allowance.s
        ) {} catch {}
    }

    /// Moves the money. `witness` is the EIP-712 hash of the witness, of which `to` and `validAfter` are members.
    function _transfer(
        Permit2.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        address to,
        uint256 validAfter,
        bytes32 witness,
        string memory witnessType,
        bytes calldata signature
    ) internal {
        if (owner == address(0)) revert InvalidOwner();
        if (to == address(0)) revert InvalidDestination();
        if (block.timestamp < validAfter) revert PaymentTooEarly();
        PERMIT2.permitWitnessTransferFrom(
            permit, Permit2.SignatureTransferDetails(to, amount), owner, witness, witnessType, signature
        );
    }
}
