// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Wasting gas.
library Gas {
    /// Burns this much, or a little more.
    function burn(uint256 amount) internal view {
        uint256 start = gasleft();
        while (start - gasleft() < amount) {}
    }
}
