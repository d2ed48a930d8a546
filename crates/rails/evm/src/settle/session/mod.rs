//! Sessions on a chain: deposits on their way into an escrow, channels as the chain shows them, and vouchers
//! that are collected.

mod authorized;
mod collection;
mod deposit;
mod refused;
mod standing;

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, OnceLock};

use alloy_primitives::{Address, B256};
use farthing_protocol::JsonObject;
use farthing_rail::{
    Answer, ChannelStanding, Claim, Collection, Cursor, DepositClaim, Deposited, Escrow, Method, NotReady, Order,
    Presented, Proof, RailError, RailStatement, Refund, Refusal, SessionAction, SessionMethod, SessionOrder,
    SessionView, Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

pub(super) use collection::with_captured;

use super::ChainSettler;
use super::outcome::{refused, unable};
use crate::Account;
use crate::session::{ChainSession, KeptSession};

/// Sessions together with the chain that their deposits are on.
#[derive(Debug)]
pub struct SessionSettling {
    method: ChainSession,
    chain: Arc<ChainSettler>,
    /// Signs for the recipient, where somebody else sends what it signs.
    payee: Option<Account>,
    /// How long a payee may still collect after its payer asked to close, in seconds, as the escrow says.
    grace: OnceLock<u64>,
    /// The newest block in which each channel was seen open, so that a node that lags is not believed.
    seen: Mutex<HashMap<B256, u64>>,
}

impl SessionSettling {
    /// Lets sessions settle on a chain. What the recipient got is told by the charges of the same account.
    pub fn new(method: ChainSession, chain: Arc<ChainSettler>) -> Self {
        Self { method, chain, payee: None, grace: OnceLock::new(), seen: Mutex::default() }
    }

    /// Who is paid.
    pub fn recipient(&self) -> Address {
        self.method.settings().recipient
    }

    /// Has this account sign what the chain's signer sends for it. Only the EVM contract takes that.
    #[must_use]
    pub fn signed_by(self, payee: Account) -> Self {
        Self { payee: Some(payee), ..self }
    }
}

impl Method for SessionSettling {
    fn terms(&self) -> &Terms {
        self.method.terms()
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.method.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.method.verify(presented)
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.chain.readiness()
    }

    fn receipt_members(&self) -> JsonObject {
        self.method.receipt_members()
    }
}

impl SessionMethod for SessionSettling {
    fn collects_parts(&self) -> bool {
        self.method.collects_parts()
    }

    fn session_request(&self, order: &SessionOrder) -> Result<JsonObject, Unpriceable> {
        self.method.session_request(order)
    }

    fn read(&self, presented: &Presented<'_>) -> Result<SessionAction, Refusal> {
        self.method.read(presented)
    }

    fn snapshot(&self, session: &SessionView<'_>) -> JsonObject {
        self.method.snapshot(session)
    }
}

impl Settler for SessionSettling {
    fn sends_from(&self) -> Vec<String> {
        self.chain.sends_from()
    }

    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async {
            let Some(payee) = &self.payee else { return self.chain.settle(claim).await };
            match self.signed_for(payee, claim).await {
                Ok(claim) => self.chain.settle(&claim).await,
                Err(reason) => unable(reason),
            }
        })
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.chain.lookup(claim))
    }

    fn refund<'a>(&'a self, _: &'a Refund) -> Answer<'a, Settlement> {
        let detail = "what was collected from a session is not sent back by itself; pay the payer by another way";
        Box::pin(ready(refused(detail)))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(self.chain.confirm(claim, settled))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let nothing = RailStatement { movements: Vec::new(), next: after.clone(), more: false };
        Box::pin(ready(Ok(nothing)))
    }
}

impl Escrow for SessionSettling {
    fn deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited> {
        Box::pin(self.put_in(claim))
    }

    fn lookup_deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited> {
        Box::pin(self.look_for(claim))
    }

    fn standing<'a>(&'a self, session_kept: &'a [u8]) -> Answer<'a, Result<ChannelStanding, RailError>> {
        Box::pin(async move { self.stands(&KeptSession::read(session_kept)?).await })
    }

    fn collection(&self, collection: &Collection<'_>) -> Result<Proof, RailError> {
        collection::proof(collection, &self.method.terms().asset)
    }
}
