use alloy_primitives::Bytes;

/// Why a node gave no result. What matters to whoever sent a transaction is whether it may have
/// arrived: [`RpcError::may_have_arrived`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The request never left.
    #[error("the node at {node} cannot be reached ({why}); check rpc and the node")]
    NotSent {
        /// Host and port of the node, without path or credentials.
        node: String,
        /// What the network said.
        why: String,
    },
    /// The node read the request and refused it.
    #[error("the node at {node} refused: {message} (code {code})")]
    Refused {
        /// Host and port of the node.
        node: String,
        /// The JSON-RPC error code.
        code: i64,
        /// The node's own words.
        message: String,
        /// What they mean.
        by: RefusedBy,
        /// What a contract said when a call reverted, as far as the node hands it on.
        data: Bytes,
    },
    /// The request left and no usable answer came back.
    #[error("the node at {node} did not answer ({why})")]
    NoAnswer {
        /// Host and port of the node.
        node: String,
        /// What was seen.
        why: String,
    },
    /// Nodes that must agree do not.
    #[error("of {asked} nodes only {agreed} say the same and {needed} are needed; asking again later")]
    Disagreement {
        /// How many were asked.
        asked: usize,
        /// The size of the largest group that agrees.
        agreed: usize,
        /// How many must agree.
        needed: usize,
    },
}

/// What a node's refusal means. Nodes agree on meanings and not on codes, so that this is read from
/// their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedBy {
    /// A transaction with this nonce was included already.
    NonceTooLow,
    /// The node holds this very transaction.
    AlreadyKnown,
    /// A replacement must pay more than what it replaces.
    Underpriced,
    /// The sender cannot pay amount and gas.
    InsufficientFunds,
    /// A call or a simulation reverted.
    Reverted,
    /// The node has no such method.
    NoSuchMethod,
    /// The node waited for the transaction's inclusion and it did not come in time.
    NotYetIncluded,
    /// The node is busy or limits us.
    Busy,
    /// Something else.
    Other,
}

impl RpcError {
    /// Whether a transaction that was handed over with this result may be in a node's hands.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::NotSent { .. } => false,
            Self::Refused { by, .. } => {
                matches!(by, RefusedBy::AlreadyKnown | RefusedBy::NonceTooLow | RefusedBy::NotYetIncluded)
            }
            Self::NoAnswer { .. } | Self::Disagreement { .. } => true,
        }
    }

    /// What a refusal means, if it was one.
    pub fn refused_by(&self) -> Option<RefusedBy> {
        match self {
            Self::Refused { by, .. } => Some(*by),
            _ => None,
        }
    }

    /// What a contract said when it reverted; empty where nobody knows.
    pub fn reverted_with(&self) -> &[u8] {
        match self {
            Self::Refused { data, .. } => data,
            _ => &[],
        }
    }

    /// Whether another node may do better with a read.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::NoAnswer { .. })
            || matches!(self.refused_by(), Some(RefusedBy::Busy))
    }
}

impl RefusedBy {
    pub(crate) fn read(code: i64, message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
        if code == -32601 || says(&["method not found", "does not exist/is not available", "method not supported"]) {
            Self::NoSuchMethod
        } else if says(&["already known", "already imported", "known transaction", "already in mempool"]) {
            Self::AlreadyKnown
        } else if says(&["nonce too low", "nonce is too low", "already been used", "nonce too old"]) {
            Self::NonceTooLow
        } else if says(&["underpriced", "fee too low", "below current base fee", "max fee per gas less than"]) {
            Self::Underpriced
        } else if code == 3 || says(&["revert"]) {
            Self::Reverted
        } else if says(&["insufficient", "enough funds", "exceeds balance", "gas required exceeds allowance"]) {
            Self::InsufficientFunds
        } else if says(&["confirmation timeout", "was added to the mempool but", "not mined within", "timeout"]) {
            Self::NotYetIncluded
        } else if matches!(code, -32005 | -32016 | 429) || says(&["rate limit", "too many requests", "limit exceeded"])
        {
            Self::Busy
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_several_nodes_come_to_the_same_meaning() {
        for (code, message, by) in [
            (-32000, "nonce too low: next nonce 5, tx nonce 4", RefusedBy::NonceTooLow),
            (-32003, "nonce too low", RefusedBy::NonceTooLow),
            (-32000, "already known", RefusedBy::AlreadyKnown),
            (-32003, "transaction already imported", RefusedBy::AlreadyKnown),
            (-32000, "replacement transaction underpriced", RefusedBy::Underpriced),
            (-32003, "max fee per gas less than block base fee", RefusedBy::Underpriced),
            (-32003, "Insufficient funds for gas * price + value", RefusedBy::InsufficientFunds),
            (3, "execution reverted: used", RefusedBy::Reverted),
            (-32000, "execution reverted: insufficient allowance", RefusedBy::Reverted),
            (-32601, "Method not found", RefusedBy::NoSuchMethod),
            (
                -32000,
                "The transaction was added to the mempool but wasn't processed within 2s",
                RefusedBy::NotYetIncluded,
            ),
            (-32005, "limit exceeded", RefusedBy::Busy),
            (-32602, "Failed to decode transaction", RefusedBy::Other),
        ] {
            assert_eq!(RefusedBy::read(code, message), by, "{message}");
        }
    }

    #[test]
    fn only_a_clear_refusal_or_a_request_that_never_left_surely_did_not_arrive() {
        let node = || "node:1".to_owned();
        let refused = |by| RpcError::Refused { node: node(), code: 0, message: String::new(), by, data: Bytes::new() };
        assert!(!RpcError::NotSent { node: node(), why: String::new() }.may_have_arrived());
        assert!(!refused(RefusedBy::InsufficientFunds).may_have_arrived());
        assert!(refused(RefusedBy::AlreadyKnown).may_have_arrived());
        assert!(RpcError::NoAnswer { node: node(), why: String::new() }.may_have_arrived());
    }
}
