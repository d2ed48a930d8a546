// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SigningContract, Signatures} from "./Signatures.sol";

/// Says whether somebody signed a digest, as ERC-6492 has it: with a key, with the code that is there, or with the code
/// that the call inside the signature puts there. Written from that interface.
contract SignatureValidator {
    /// What a signature ends with that carries such a call.
    bytes32 private constant MARK = 0x6492649264926492649264926492649264926492649264926492649264926492;

    error ERC6492DeployFailed(bytes error);
    error ERC1271Revert(bytes error);
    /// What a question without side effects is answered with.
    error Answer(bool valid);

    /// Leaves nothing behind.
    function isValidSig(address signer, bytes32 hash, bytes calldata signature) external returns (bool) {
        (, bytes memory said) = address(this).call(abi.encodeCall(this.askAndUndo, (signer, hash, signature)));
        if (bytes4(said) != Answer.selector) _fail(said);
        return said[said.length - 1] == 0x01;
    }

    /// The wallet that the signature brings is there afterwards.
    function isValidSigWithSideEffects(address signer, bytes32 hash, bytes calldata signature)
        public
        returns (bool)
    {
        if (signature.length < 32 || bytes32(signature[signature.length - 32:]) != MARK) {
            return _isBy(signer, hash, signature);
        }
        (address factory, bytes memory deployment, bytes memory inner) =
            abi.decode(signature[:signature.length - 32], (address, bytes, bytes));
        if (signer.code.length == 0) {
            (bool done, bytes memory error) = factory.call(deployment);
            if (!done) revert ERC6492DeployFailed(error);
        }
        return _isBy(signer, hash, inner);
    }

    /// Reverts always, so that nothing of it stays.
    function askAndUndo(address signer, bytes32 hash, bytes calldata signature) external {
        revert Answer(isValidSigWithSideEffects(signer, hash, signature));
    }

    function _isBy(address signer, bytes32 hash, bytes memory signature) private view returns (bool) {
        if (signer.code.length == 0) return Signatures.isByKey(signer, hash, signature);
        try SigningContract(signer).isValidSignature(hash, signature) returns (bytes4 answer) {
            return answer == SigningContract.isValidSignature.selector;
        } catch (bytes memory error) {
            revert ERC1271Revert(error);
        }
    }

    function _fail(bytes memory said) private pure {
        assembly ("memory-safe") {
            revert(add(said, 0x20), mload(said))
        }
    }
}
