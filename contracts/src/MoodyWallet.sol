// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Gas} from "./Gas.sol";
import {SigningContract, Signatures} from "./Signatures.sol";

/// A wallet that is a contract and whose word depends on what it is asked in: what a simulation saw, a transaction need
/// not find. It owns to its owner's signatures only while its mood lasts; anybody may change the mood.
contract MoodyWallet is SigningContract {
    enum Mood {
        /// Owns to every signature of its owner.
        Honest,
        /// To none.
        Refuses,
        /// While the gas price is at most the bound: in a call, where it is 0, and not in a transaction.
        CheapGas,
        /// Unless the transaction's origin is the bound.
        OtherOrigin,
        /// Until the block with the number of the bound, which is the last.
        EarlyBlock,
        /// While more gas is left than the bound.
        AmpleGas,
        /// While the block's fees go to the bound.
        OneCoinbase,
        /// Having burnt the bound's gas.
        BurnsGas
    }

    bytes4 private constant INVALID = 0xffffffff;

    address public immutable owner;
    Mood public mood;
    uint256 public bound;

    error NotOwner();

    constructor(address owner_) {
        owner = owner_;
    }

    function setMood(Mood mood_, uint256 bound_) external {
        (mood, bound) = (mood_, bound_);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool valid = _inTheMood() && Signatures.isByKey(owner, digest, signature);
        return valid ? SigningContract.isValidSignature.selector : INVALID;
    }

    /// Does what the owner calls, approving Permit2 for instance.
    function execute(address to, bytes calldata data) external {
        if (msg.sender != owner) revert NotOwner();
        (bool done, bytes memory answer) = to.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function _inTheMood() private view returns (bool) {
        if (mood == Mood.Refuses) return false;
        if (mood == Mood.CheapGas) return tx.gasprice <= bound;
        if (mood == Mood.OtherOrigin) return tx.origin != address(uint160(bound));
        if (mood == Mood.EarlyBlock) return block.number <= bound;
        if (mood == Mood.AmpleGas) return gasleft() > bound;
        if (mood == Mood.OneCoinbase) return block.coinbase == address(uint160(bound));
        if (mood == Mood.BurnsGas) Gas.burn(bound);
        return true;
    }
}
