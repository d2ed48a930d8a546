// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// A wallet that is a contract (ERC-1271).
interface SigningContract {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

/// Who signed an EIP-712 digest. A signature has one form only: 65 bytes, v of 27 or 28, s in the lower half of the
/// curve's order.
library Signatures {
    bytes4 private constant VALID = SigningContract.isValidSignature.selector;
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// Whether `signer` signed: with its key, or with its code when it has any.
    function isBy(address signer, bytes32 digest, bytes memory signature) internal view returns (bool) {
        return signer.code.length == 0 ? isByKey(signer, digest, signature) : isByCode(signer, digest, signature);
    }

    /// Whether the key of `signer` signed.
    function isByKey(address signer, bytes32 digest, bytes memory signature) internal pure returns (bool) {
        if (signer == address(0) || signature.length != 65) return false;
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
        if (uint256(s) > HALF_ORDER || (v != 27 && v != 28)) return false;
        return ecrecover(digest, v, r, s) == signer;
    }

    /// A signature in 65 bytes, also when it came in the 64 of EIP-2098.
    function expanded(bytes memory signature) internal pure returns (bytes memory) {
        if (signature.length != 64) return signature;
        (bytes32 r, bytes32 both) = abi.decode(signature, (bytes32, bytes32));
        uint8 v = uint8(uint256(both) >> 255) + 27;
        return abi.encodePacked(r, bytes32(uint256(both) & (type(uint256).max >> 1)), v);
    }

    /// The EIP-712 digest of a struct under a domain.
    function digestOf(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// The domain with a name, a version, this chain and the calling contract.
    function domainOf(string memory name, string memory version) internal view returns (bytes32) {
        bytes32 domainType =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(
            abi.encode(domainType, keccak256(bytes(name)), keccak256(bytes(version)), block.chainid, address(this))
        );
    }

    function isByCode(address signer, bytes32 hash, bytes memory signature) private view returns (bool) {
        (bool answered, bytes memory answer) =
            signer.staticcall(abi.encodeCall(SigningContract.isValidSignature, (hash, signature)));
        return answered && answer.length == 32 && bytes32(answer) == bytes32(VALID);
    }
}
