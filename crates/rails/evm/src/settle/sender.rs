//! Transactions of our own, from one account on one chain.
//!
//! One task gives out the account's nonces. It takes every order that waits, numbers them without a
//! gap, signs them, writes the group down in one commit, and only then broadcasts, all at once.
//! Whatever is not included is tended: sent again byte for byte, replaced at the same nonce with a
//! higher fee, or, when no node will take it, filled with a transaction that does nothing, so that
//! the ones behind it are not held up. A nonce is never used for a second purpose that moves money.

mod desk;
mod fees;
mod tending;
mod transaction;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use farthing_protocol::Timestamp;
use farthing_rail::Licence;
use tokio::sync::{mpsc, oneshot};

use super::journal::{Journal, JournalError, Purpose};
use crate::rpc::{Endpoints, Receipt, RpcError};
use crate::{Account, AccountError};

pub use fees::{FeeBounds, Market};

/// Reads the clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// So many orders may wait for a nonce; more wait for a place.
const PLACES: usize = 1024;

/// The account's desk, where orders are handed in; cheap to clone. Only one desk for each chain and
/// account may exist, ever.
#[derive(Clone)]
pub struct Sender {
    orders: mpsc::Sender<desk::Request>,
    address: Address,
    /// The desk, until it is first needed.
    closed: Arc<Mutex<Option<Closed>>>,
}

/// A desk that nobody has come to yet.
type Closed = (desk::Desk, mpsc::Receiver<desk::Request>);

/// What a desk works with.
pub struct Surroundings {
    /// The chain (EIP-155).
    pub chain: u64,
    /// Where submissions are written down first.
    pub journal: Journal,
    /// The clock.
    pub now: Clock,
    /// Nothing is sent while it does not hold.
    pub licence: Licence,
    /// What may change while it works.
    pub terms: Terms,
}

/// What the owner may change while a desk works.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The chain's nodes.
    pub endpoints: Endpoints,
    /// What a transaction may cost.
    pub fees: FeeBounds,
    /// How deep a block must be before it counts as certain.
    pub finality: u64,
    /// After how long a transaction that is not included is sent again.
    pub resend_after: Duration,
}

/// A transaction to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// What for.
    pub purpose: Purpose,
    /// The contract to call.
    pub to: Address,
    /// With which data.
    pub data: Bytes,
    /// How much gas it may use.
    pub gas: u64,
    /// After this time of the chain (seconds) it cannot succeed.
    pub valid_before: Option<u64>,
    /// What gas costs just now, and what the account has, as the caller has seen.
    pub market: Market,
}

/// A transaction that is written down and on its way.
#[derive(Debug)]
pub struct Submitted {
    /// Its hash; a replacement has another.
    pub hash: B256,
    /// What the node said to the first broadcast.
    pub answer: oneshot::Receiver<Result<Option<Receipt>, RpcError>>,
}

/// Why no transaction was made. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The account cannot pay the gas.
    #[error("the signer {signer} has {balance} of the {needed} smallest units that gas may cost; send it more")]
    Starved {
        /// The account.
        signer: Address,
        /// What it has beyond what is promised already.
        balance: u128,
        /// What the transaction may cost.
        needed: u128,
    },
    /// Gas costs more than the owner allows.
    #[error("gas costs {price} a unit and the most allowed is {most}; wait, or raise max_gas_price")]
    Expensive {
        /// What it costs.
        price: u128,
        /// What is allowed.
        most: u128,
    },
    /// The account did not sign.
    #[error(transparent)]
    Key(#[from] AccountError),
    /// Another process may send from the account by now.
    #[error("the gateway was held up, and sends nothing until the others that share its books have heard of it again")]
    Suspended,
    /// A transaction for the same purpose is on its way.
    #[error("a transaction for this is on its way already")]
    OnItsWay,
    /// It could not be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The chain does not say which nonce is next.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The desk is gone: the process is stopping.
    #[error("the signer's task has ended; the process is stopping")]
    Closed,
}

impl Sender {
    /// The desk of an account. It opens when the first order or fence comes; what an earlier process
    /// left open is then sent again.
    pub fn new(account: Account, surroundings: Surroundings) -> Self {
        let (orders, waiting) = mpsc::channel(PLACES);
        let address = account.address();
        let closed = Arc::new(Mutex::new(Some((desk::Desk::new(account, surroundings), waiting))));
        Self { orders, address, closed }
    }

    /// Works on other terms from the next order on. Errs when the desk has too much to do to listen.
    pub fn adopt(&self, terms: Terms) -> Result<(), SendError> {
        self.orders.try_send(desk::Request::Adopt(Box::new(terms))).map_err(|_| SendError::Closed)
    }

    async fn hand_in(&self, request: desk::Request) -> Result<(), SendError> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((desk, waiting)) = closed {
            tokio::spawn(desk.run(waiting));
        }
        self.orders.send(request).await.map_err(|_| SendError::Closed)
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Makes a transaction; resolves when it is written down and on its way. It goes its way whether
    /// or not the caller stays.
    pub async fn submit(&self, order: Order) -> Result<Submitted, SendError> {
        let (answer, submitted) = oneshot::channel();
        self.hand_in(desk::Request::Submit(Box::new(order), answer)).await?;
        submitted.await.map_err(|_| SendError::Closed)?
    }

    /// Resolves when every order that was handed in before is written down or refused.
    pub async fn fence(&self) -> Result<(), SendError> {
        let (answer, passed) = oneshot::channel();
        self.hand_in(desk::Request::Fence(answer)).await?;
        passed.await.map_err(|_| SendError::Closed)
    }
}

/// What a transaction of ours says to the contract that it calls.
pub(super) fn data_of(raw: &Bytes) -> Option<Bytes> {
    transaction::read(raw).map(|(intent, _)| intent.data)
}

impl fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("address", &self.address).finish_non_exhaustive()
    }
}
