//! What can go wrong, with the remedy.

use std::io;
use std::path::PathBuf;

use crate::contracts::BrokenContract;

/// Anvil is not here and could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// There is no folder to keep it in.
    #[error("there is no cache folder: set XDG_CACHE_HOME or HOME, or name an anvil of your own in FARTHING_ANVIL")]
    NoCache,
    /// npm has no anvil for this machine.
    #[error(
        "npm has no anvil for {system} on {processor}: build it from the Foundry sources and name it in FARTHING_ANVIL"
    )]
    Unsupported {
        /// The operating system.
        system: &'static str,
        /// The processor.
        processor: &'static str,
    },
    /// The package comes with npm, and there is no npm.
    #[error("anvil is fetched with npm, which is not installed: install Node.js, or name an anvil in FARTHING_ANVIL")]
    NoNpm,
    /// npm could not fetch the package.
    #[error("npm could not fetch {package} (is there a network?); it said: {said}")]
    Fetch {
        /// The package and its version.
        package: String,
        /// The end of what npm wrote.
        said: String,
    },
    /// The binary is not what was asked for.
    #[error("{} is not anvil {expected}; it says: {said}", binary.display())]
    WrongBinary {
        /// The binary that was tried.
        binary: PathBuf,
        /// The version that was wanted.
        expected: &'static str,
        /// The answer to `--version`.
        said: String,
    },
    /// A file of the cache cannot be used.
    #[error("{}: {source}; remove the folder and try again", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// No answer, or none that is JSON.
    #[error("{method}: the node does not answer: {source}")]
    NoAnswer {
        /// The JSON-RPC method.
        method: String,
        /// What the transport says.
        source: reqwest::Error,
    },
    /// The node refused.
    #[error("{method}: the node refused: {said}")]
    Refused {
        /// The JSON-RPC method.
        method: String,
        /// The node's error object.
        said: String,
    },
    /// The answer has another shape than the method promises.
    #[error("{method}: the node answered {said}")]
    Unexpected {
        /// The JSON-RPC method.
        method: String,
        /// The answer.
        said: String,
    },
    /// This is not the node that was started; nothing was written to it.
    #[error("the node at {rpc} is on chain {found} and not on {expected}: it is not ours, and stays untouched")]
    AnotherChain {
        /// Where it is.
        rpc: String,
        /// The chain that was started.
        expected: u64,
        /// The chain that answered.
        found: u64,
    },
    /// A transaction of our own failed on the chain.
    #[error("transaction {hash} reverted")]
    Reverted {
        /// Its hash.
        hash: String,
    },
    /// A transaction of our own was not mined.
    #[error("transaction {hash} was not mined in time; is the node mining?")]
    NotMined {
        /// Its hash.
        hash: String,
    },
}

/// A chain could not be started or prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevnetError {
    /// There is no anvil.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The process could not be started.
    #[error("anvil cannot be started: {0}")]
    Spawn(#[source] io::Error),
    /// The process ended before it listened.
    #[error("anvil stopped before it listened (is its port free?); it said: {said}")]
    Stopped {
        /// The end of what it wrote.
        said: String,
    },
    /// The port before the node cannot be had.
    #[error("nothing can listen on port {port} of this machine: {source}; choose another")]
    Front {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// A contract of ours is damaged.
    #[error(transparent)]
    Contract(#[from] BrokenContract),
    /// The node refused its preparation, or a later order.
    #[error(transparent)]
    Node(#[from] NodeError),
}
