// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {BaseSepoliaUSDC} from "./BaseSepoliaUSDC.sol";
import {Gas} from "./Gas.sol";

/// A dollar token that does not do what it says, as anybody tells it. Its signing domain and its storage are those of
/// `BaseSepoliaUSDC`, so that its code can take the place of the honest one: balances stay.
contract HostileUSDC is BaseSepoliaUSDC {
    enum Mood {
        Honest,
        /// Moves, and `transfer` and `transferFrom` return no word.
        ReturnsNothing,
        /// Returns true, moves nothing, logs nothing.
        MovesNothing,
        /// Returns true, moves nothing, logs the transfer.
        ClaimsToMove,
        /// Keeps one percent and logs what moved.
        TakesFee,
        /// Keeps one percent and logs as if it had not.
        HidesFee,
        /// Moves and logs nothing.
        MovesSilently,
        /// Moves, having burnt five million gas.
        BurnsGas
    }

    Mood public mood;
    bool public paused;
    mapping(address account => bool) public isBlacklisted;
    /// Payees that get nothing.
    mapping(address payee => bool) public isRefused;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    function setBlacklisted(address account, bool blacklisted) external {
        isBlacklisted[account] = blacklisted;
    }

    function setRefused(address payee, bool refused) external {
        isRefused[payee] = refused;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return _answer(super.transfer(to, value));
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return _answer(super.transferFrom(from, to, value));
    }

    function _answer(bool moved) private view returns (bool) {
        if (mood == Mood.ReturnsNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return moved;
    }

    function _move(address from, address to, uint256 value) internal override {
        require(!paused, "paused");
        require(!isBlacklisted[from] && !isBlacklisted[to], "account is blacklisted");
        require(!isRefused[to], "payee is refused");
        if (mood == Mood.MovesNothing) return;
        if (mood == Mood.ClaimsToMove) {
            emit Transfer(from, to, value);
        } else if (mood == Mood.TakesFee) {
            super._move(from, to, value - value / 100);
            super._move(from, address(this), value / 100);
        } else if (mood == Mood.HidesFee) {
            _moveSilently(from, to, value - value / 100);
            _moveSilently(from, address(this), value / 100);
            emit Transfer(from, to, value);
        } else if (mood == Mood.MovesSilently) {
            _moveSilently(from, to, value);
        } else {
            if (mood == Mood.BurnsGas) Gas.burn(5_000_000);
            super._move(from, to, value);
        }
    }

    function _moveSilently(address from, address to, uint256 value) private {
        require(balanceOf[from] >= value, "transfer amount exceeds balance");
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}
