//! Permit2 on a chain that lacks it.
//!
//! Its bytecode is not ours to keep here: it is read from a Tempo node, which has it from the start.

use alloy_primitives::{Address, Bytes, address};

use crate::error::DevnetError;
use crate::node::Node;
use crate::options::{Options, TEMPO_CHAIN_ID};
use crate::process::Process;
use crate::source::Source;

/// Where Permit2 is on every chain that has it.
pub const PERMIT2: Address = address!("0x000000000022D473030F116dDEE9F6B43aC78BA3");

/// The contract's runtime code, from a short-lived Tempo node; nothing when that node has none.
pub(crate) async fn runtime(source: &Source, binary: &std::path::Path) -> Result<Option<Bytes>, DevnetError> {
    let process = Process::start(binary, &Options::tempo(source.clone()).arguments()).await?;
    let node = Node::at(format!("http://{}", process.address()), TEMPO_CHAIN_ID);
    let code = node.code(PERMIT2).await?;
    Ok(Some(code).filter(|code| !code.is_empty()))
}
