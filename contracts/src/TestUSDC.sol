// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Dollars} from "./Dollars.sol";

/// A dollar token for test chains of any number, under a name of its own.
contract TestUSDC is Dollars {
    function name() public pure override returns (string memory) {
        return "Test USDC";
    }

    function version() public pure override returns (string memory) {
        return "1";
    }
}
