use std::path::PathBuf;

/// Why a configuration is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {reason}; name a file that can be read with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// It is not TOML, or holds what nobody knows.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// A value cannot be used.
    #[error("{}: {table}.{key} {rule}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The table.
        table: String,
        /// The key in it.
        key: &'static str,
        /// What it must be.
        rule: String,
    },
    /// Nobody is named and everybody could come.
    #[error(
        "{}: strangers could have payments settled on {listen} at the cost of your signers; add a \
         [callers.NAME] table with a token, or listen on 127.0.0.1", path.display()
    )]
    OpenToStrangers {
        /// The file.
        path: PathBuf,
        /// The address.
        listen: std::net::SocketAddr,
    },
    /// Two callers show one token.
    #[error("{}: the callers {first} and {second} have one token; give each its own", path.display())]
    SharedToken {
        /// The file.
        path: PathBuf,
        /// A caller.
        first: String,
        /// Another.
        second: String,
    },
    /// There is nothing to settle on.
    #[error("{}: no chain is configured; add a [chains.NAME] table with rpc, chain and signer", path.display())]
    NoChain {
        /// The file.
        path: PathBuf,
    },
    /// A chain's table cannot be used.
    #[error("{}: {reason}", path.display())]
    Chain {
        /// The file.
        path: PathBuf,
        /// In the words of whoever builds it.
        reason: String,
    },
}
