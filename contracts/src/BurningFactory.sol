// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Gas} from "./Gas.sol";

/// Named in an ERC-6492 signature as what makes the wallet. It makes none: it burns the gas of whoever executes it.
contract BurningFactory {
    function deploy(uint256 gas) external view {
        Gas.burn(gas);
    }

    /// Any other call burns three million, and succeeds.
    fallback() external {
        Gas.burn(3_000_000);
    }
}
