// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// The two transfers of ERC-20.
interface Token {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// Moving tokens, including those that return nothing.
library Tokens {
    error TransferFailed();

    /// From `from`, who approved it, to this contract.
    function take(address token, address from, uint256 value) internal {
        _call(token, abi.encodeCall(Token.transferFrom, (from, address(this), value)));
    }

    /// From this contract to `to`.
    function give(address token, address to, uint256 value) internal {
        _call(token, abi.encodeCall(Token.transfer, (to, value)));
    }

    function _call(address token, bytes memory data) private {
        // Without code a call succeeds and moves nothing.
        if (token.code.length == 0) revert TransferFailed();
        (bool done, bytes memory answer) = token.call(data);
        if (!done || (answer.length != 0 && !abi.decode(answer, (bool)))) revert TransferFailed();
    }
}
