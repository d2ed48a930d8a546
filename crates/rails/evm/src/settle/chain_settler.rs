use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use farthing_money::{Asset, Price};
use farthing_rail::{Claim, Settlement};
use tokio::sync::Semaphore;

use super::confirmations::Confirmations;
use super::gas_money::GasMoney;
use super::journal::Journal;
use super::outcome::{refused, unable, unknown};
use super::sender::{Clock, Sender};
use crate::rpc::Endpoints;
use crate::tempo::SponsorPolicy;
use crate::x402::Proxy;
use crate::{Account, Payment, Way};

/// So many sponsored payments are on their way at a time; more wait.
const SPONSORED_AT_ONCE: usize = 128;

/// Takes payments to one chain. What all methods and routes on that chain share.
pub struct ChainSettler {
    pub(super) chain: u64,
    pub(super) endpoints: Endpoints,
    pub(super) journal: Journal,
    /// Sends transactions of our own: authorizations, permits, refunds.
    pub(super) sender: Option<Sender>,
    /// Pays the fees of payers' transactions.
    pub(super) sponsor: Option<Sponsor>,
    pub(super) rules: Rules,
    pub(super) now: Clock,
    /// Whether the nodes were seen to be on this chain.
    guarded: OnceLock<()>,
    /// What is known of the signer's money for gas.
    pub(super) gas_money: GasMoney,
    /// Whether the sellers and their books are other people's.
    pub(super) is_for_others: bool,
    /// Bounds how many fees are at stake at a time: whoever makes sponsored payments fail between
    /// their rehearsal and their inclusion costs us no more than so many.
    pub(super) sponsoring: Semaphore,
}

/// Who pays the fees of payers' transactions, and within which bounds.
#[derive(Clone, Debug)]
pub struct Sponsor {
    /// The account.
    pub account: Account,
    /// The token it pays fees in.
    pub fee_token: Address,
    /// The bounds, which are looked at again right before co-signing.
    pub policy: SponsorPolicy,
}

/// How sure is sure.
#[derive(Clone, Debug)]
pub struct Rules {
    /// When an inclusion counts.
    pub confirmations: Confirmations,
    /// After how many blocks an inclusion can no longer be taken back.
    pub finality: u64,
    /// How long one settlement waits for the chain before it is unknown.
    pub patience: Duration,
    /// How long a transaction that a payer says to have sent may stay unseen.
    pub unseen: Duration,
    /// The most gas that moving one payment may take, of a contract account too.
    pub gas: u64,
    /// What the chain's own coin is worth, where payments must be worth their gas.
    pub gas_coin: Option<Price>,
    /// The block from which the first statement begins; a good while back where none is named.
    pub statement_from: Option<u64>,
}

impl Default for Rules {
    /// One confirmation, twelve to be final, 20 seconds for the chain, two minutes for a payer's.
    fn default() -> Self {
        Self {
            confirmations: Confirmations::always(1),
            finality: 12,
            patience: Duration::from_secs(20),
            unseen: Duration::from_secs(120),
            gas: 400_000,
            gas_coin: None,
            statement_from: None,
        }
    }
}

impl ChainSettler {
    /// A settler on this chain.
    pub fn new(chain: u64, endpoints: Endpoints, journal: Journal, rules: Rules, now: Clock) -> Self {
        let (sender, sponsor, guarded) = (None, None, OnceLock::new());
        let (gas_money, sponsoring) = (GasMoney::default(), Semaphore::new(SPONSORED_AT_ONCE));
        let is_for_others = false;
        Self { chain, endpoints, journal, sender, sponsor, rules, now, guarded, gas_money, is_for_others, sponsoring }
    }

    /// Lets it settle for sellers whose books are not here. What an authorization was used for before it came
    /// is then nothing that anybody here knows, so that it pays no more, whoever used it.
    #[must_use]
    pub fn for_others(self) -> Self {
        Self { is_for_others: true, ..self }
    }

    /// Lets it send transactions of its own.
    #[must_use]
    pub fn with_sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Lets it pay the fees of payers' transactions.
    #[must_use]
    pub fn with_sponsor(mut self, sponsor: Sponsor) -> Self {
        self.sponsor = Some(sponsor);
        self
    }

    /// The chain (EIP-155).
    pub(crate) fn number(&self) -> u64 {
        self.chain
    }

    /// The account that sends its own transactions.
    pub fn signer(&self) -> Option<Address> {
        self.sender.as_ref().map(Sender::address)
    }

    /// The same, as CAIP-10 names it, for whoever sees to it that nobody else sends from it.
    pub(super) fn sends_from(&self) -> Vec<String> {
        self.signer().iter().map(|signer| format!("eip155:{}:{signer}", self.chain)).collect()
    }

    /// Moves the money of a claim, once.
    pub(super) async fn settle(&self, claim: &Claim) -> Settlement {
        let payment = match self.payment_of(claim).await {
            Ok(payment) => payment,
            Err(settlement) => return settlement,
        };
        match &payment.way {
            Way::Proof { access_key } => self.settle_proof(claim, &payment, *access_key).await,
            Way::Transaction { .. } => self.settle_transaction(claim, &payment).await,
            Way::Sponsored { .. } => self.settle_sponsored(claim, &payment).await,
            Way::Shown { hash, .. } => self.settle_shown(claim, &payment, *hash).await,
            Way::Proxied { proxy: Proxy::Upto, .. } => self.take(claim, &payment, claim.proof.amount).await,
            Way::Authorization { .. } | Way::Permit2 { .. } | Way::Proxied { .. } | Way::Called { .. } => {
                self.settle_authorized(claim, &payment).await
            }
        }
    }

    /// What became of a claim, from the chain and the journal alone.
    pub(super) async fn lookup(&self, claim: &Claim) -> Settlement {
        let payment = match self.payment_of(claim).await {
            Ok(payment) => payment,
            Err(settlement) => return unknown(format!("cannot be looked up: {settlement:?}")),
        };
        match &payment.way {
            Way::Proof { access_key } => self.settle_proof(claim, &payment, *access_key).await,
            Way::Transaction { .. } => self.lookup_transaction(claim, &payment).await,
            Way::Sponsored { .. } => self.lookup_sponsored(claim, &payment).await,
            Way::Shown { hash, .. } => self.look_for_shown(claim, &payment, *hash).await,
            // Somebody else alone can have submitted it.
            Way::Proxied { proxy: Proxy::Upto, .. } if self.sender.is_none() => self.look_elsewhere(claim).await,
            Way::Authorization { .. } | Way::Permit2 { .. } | Way::Proxied { .. } | Way::Called { .. } => {
                self.lookup_authorized(claim, &payment).await
            }
        }
    }

    /// Reads the payment out of a claim, and sees to it once that the nodes are on the right chain.
    pub(super) async fn payment_of(&self, claim: &Claim) -> Result<Payment, Settlement> {
        let payment = self.read_payment(claim).map_err(|settlement| *settlement)?;
        if matches!(payment.way, Way::Proof { access_key: None }) {
            return Ok(payment);
        }
        self.guard().await.map_err(unable)?;
        Ok(payment)
    }

    /// Reads the payment out of a claim.
    pub(super) fn read_payment(&self, claim: &Claim) -> Result<Payment, Box<Settlement>> {
        let payment: Payment = serde_json::from_slice(&claim.proof.kept)
            .map_err(|error| unable(format!("what was kept of the credential cannot be read: {error}")))?;
        if payment.chain != self.chain {
            return Err(Box::new(refused(format!("the payment is for chain {}, not {}", payment.chain, self.chain))));
        }
        Ok(payment)
    }

    /// Every node that answers must be on the configured chain before anything is written to one.
    pub(super) async fn guard(&self) -> Result<(), String> {
        if self.guarded.get().is_some() {
            return Ok(());
        }
        let mut first_error = None;
        let mut is_seen = false;
        for id in self.endpoints.chain_ids().await {
            match id {
                Ok(id) if id == self.chain => is_seen = true,
                Ok(id) => {
                    return Err(format!("a node in rpc is on chain {id}, not {}; correct rpc or chain", self.chain));
                }
                Err(error) => first_error = Some(error.to_string()),
            }
        }
        match first_error {
            None => drop(self.guarded.set(())),
            // A node that is down may be another chain's: look again the next time.
            Some(_) if is_seen => {}
            Some(error) => return Err(error),
        }
        Ok(())
    }

    /// A transaction's one name among all chains: `eip155:<chain>/tx/<hash>`.
    pub(super) fn name_of(&self, hash: B256) -> String {
        format!("eip155:{}/tx/{hash}", self.chain)
    }

    /// Whether an asset is a token of this chain, and which.
    pub(super) fn token_of(&self, asset: &Asset) -> Option<Address> {
        let farthing_money::Home::Chain { chain, token } = asset.home() else { return None };
        (*chain == format!("eip155:{}", self.chain)).then(|| token.parse().ok()).flatten()
    }
}

impl fmt::Debug for ChainSettler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ChainSettler").field("chain", &self.chain).finish_non_exhaustive()
    }
}
