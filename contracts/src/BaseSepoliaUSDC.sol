// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Dollars} from "./Dollars.sol";

/// Signs under the same domain as USDC on Base Sepolia, for a chain that poses as it.
contract BaseSepoliaUSDC is Dollars {
    function name() public pure override returns (string memory) {
        return "USDC";
    }

    function version() public pure override returns (string memory) {
        return "2";
    }
}
