//! Contracts that other chains have from the start.
//!
//! Their bytecode is not ours to keep here: it is read from a Tempo node, which has them too.

use alloy_primitives::{Address, Bytes, address};

use crate::error::DevnetError;
use crate::node::Node;
use crate::options::{Options, TEMPO_CHAIN_ID};
use crate::process::Process;
use crate::source::Source;

/// Where Permit2 is on every chain that has it.
pub const PERMIT2: Address = address!("0x000000000022D473030F116dDEE9F6B43aC78BA3");

/// Where Multicall3 is on every chain that has it.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

/// The runtime code of these contracts, from a short-lived Tempo node, without those that the node lacks.
pub(crate) async fn codes(
    source: &Source,
    binary: &std::path::Path,
    of: &[Address],
) -> Result<Vec<(Address, Bytes)>, DevnetError> {
    let process = Process::start(binary, &Options::tempo(source.clone()).arguments()).await?;
    let node = Node::at(format!("http://{}", process.address()), TEMPO_CHAIN_ID);
    let mut codes = Vec::new();
    for contract in of {
        let code = node.code(*contract).await?;
        if !code.is_empty() {
            codes.push((*contract, code));
        }
    }
    Ok(codes)
}
