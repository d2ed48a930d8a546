//! The seam that every payment method plugs into.
//!
//! A payment method has a seller's half and a buyer's half. The seller's half is a [`Method`]: it
//! says what goes into a challenge and checks what a client presents, without any I/O. Where the
//! money sits decides what else it must be able to do: a method whose money is in the seller's own
//! books needs nothing more, one whose money is out in the world is a [`Settler`] too. The buyer's
//! half is a [`Payer`]: it says what an offer would really cost, and signs once a policy has
//! approved that. Many small payments on one deposit are a session: [`SessionMethod`], [`Escrow`] and
//! [`SessionPayer`]. A rail that tells by itself what happened is a [`Webhook`], and one that is paid again by itself,
//! period after period, has [`Subscriptions`]. One that numbers what it sends from an account says which one it is
//! ([`Settler::sends_from`]), and sends only while its [`Licence`] holds.
//!
//! [`Settlement`] has three outcomes, because a time-out is not a refusal. [`Approved`] is the only
//! way to a signature. [`simulated`] is a rail that misbehaves on purpose, for tests and
//! development.

mod approved;
mod claim;
mod did;
mod funding;
mod id;
mod licence;
mod offer;
mod payer;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod seller;
mod session;
mod settlement;
pub mod simulated;
mod subscription;
mod terms;
mod webhook;

pub use approved::Approved;
pub use claim::{Claim, Cursor, Direction, Movement, Proof, ProofKey, RailStatement, Refund};
pub use did::{NotADid, PayerKey};
pub use funding::{
    AccountEntry, AccountStatement, EntryKey, FundingAccount, Instructions, NotAnEntryKey, PaymentOrder, PaymentOrders,
    Shown, StatementFile, Unreadable,
};
pub use id::{PayerId, PaymentId, SessionId};
pub use licence::Licence;
pub use offer::{Offer, Order, Origin, OriginError, Presented};
pub use payer::{Became, NotPayable, Payer, Quote, RecoverableSigner, Sent, SignError, Signed, Signer, end_of};
pub use seller::{Acceptor, Answer, Method, NotReady, RailError, Settler, Unpriceable};
pub use session::{
    Addition, Channel, ChannelPurpose, ChannelStanding, Collection, Deposit, DepositClaim, Deposited, Deposits, Escrow,
    OpenedChannel, Opening, Reclaim, SessionAction, SessionMethod, SessionOrder, SessionPayer, SessionQuote,
    SessionView, Voucher, VoucherQuote,
};
pub use settlement::{Fault, Hold, Refusal, Rejected, Settled, Settlement, Standing, Unknown};
pub use subscription::{
    Begun, Canceled, PaidPeriod, Renewal, SubscriptionId, SubscriptionVisit, Subscriptions, Wish, signer_of,
    subscribed_message, visit_message,
};
pub use terms::{Capture, ExpectedFee, Finality, Protocol, Terms};
pub use webhook::{Message, News, NotHeard, Webhook};
