//! Where payments are verified, and settled once each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Hold, ProofKey, Settlement};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};

use crate::Kind;
use crate::asked::Asked;
use crate::callers::Caller;
use crate::examine::{Case, Wish};
use crate::listing;
use crate::meters::Meters;
use crate::refused::Refused;
use crate::register::{End, Entry, Found, Register};

/// How long a seller is kept waiting. A settlement goes on without it.
const PATIENCE: Duration = Duration::from_secs(25);
const ASK_AGAIN: Duration = Duration::from_secs(2);
const DAY: i64 = 24 * 3600 * 1000;

/// Reads the clock.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Verifies and settles.
pub(crate) struct Desk {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) register: Register,
    pub(crate) meters: Meters,
    pub(crate) now: Clock,
    /// Whether resources are listed that were paid for.
    pub(crate) catalogue: bool,
    pub(crate) flights: Mutex<HashMap<ProofKey, Flight>>,
}

/// A payment that is good.
pub(crate) struct Valid {
    pub(crate) payer: Option<String>,
}

/// A payment that moved.
pub(crate) struct Moved {
    pub(crate) payer: Option<String>,
    pub(crate) network: String,
    pub(crate) transaction: String,
    /// How much, where that was left open.
    pub(crate) amount: Option<Amount>,
}

/// A settlement under way. Whoever asks for the same payment meanwhile waits for the same end.
pub(crate) struct Flight {
    take: Option<Amount>,
    end: Shared<BoxFuture<'static, Ended>>,
}

/// The transaction, or why there is none.
type Ended = Result<String, Refused>;

impl Desk {
    /// Whether a payment could be settled now. Bad ones are told by their bytes, without asking anybody.
    pub(crate) async fn verify(&self, asked: &Asked) -> Result<Valid, Refused> {
        let now = (self.now)();
        let case = Case::of(asked, Wish::Verify, &self.kinds, now)?;
        let payer = case.payer();
        if let Err(reason) = case.kind.settler.readiness() {
            tracing::warn!(%reason, network = %case.kind.network, "a payment could not be verified");
            return Err(Refused::not_ready().by(payer));
        }
        let claim = case.claim(0, now).ok_or_else(Refused::broken)?;
        let held = tokio::time::timeout(PATIENCE, case.kind.settler.hold(&claim)).await;
        match held {
            Ok(Hold::Held) => Ok(Valid { payer }),
            Ok(Hold::Rejected(rejected)) => {
                tracing::debug!(reason = rejected.reason, "a payment is not good");
                Err(Refused::payment(case.words, &rejected.refusal).by(payer))
            }
            Ok(Hold::Unknown(unknown)) => {
                tracing::warn!(reason = unknown.reason, "a payment could not be verified");
                Err(Refused::unverified(unknown.ask_again).by(payer))
            }
            Err(_) => Err(Refused::unverified(ASK_AGAIN).by(payer)),
        }
    }

    /// Settles a payment, once, and tells one request that it did: a seller that serves whatever is told to be
    /// settled would otherwise serve many requests for one payment. `name` is what that request goes by when it
    /// is sent again; empty where it has none.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        asked: &Asked,
        caller: &Caller,
        name: String,
    ) -> Result<Moved, Refused> {
        let now = (self.now)();
        let case = Case::of(asked, Wish::Settle, &self.kinds, now)?;
        let (payer, network, amount) = (case.payer(), asked.network().to_owned(), case.take);
        let key = case.proof.key.clone();
        let end = self.board(case, caller, now).map_err(|refused| refused.by(payer.clone()))?;
        let ended = tokio::time::timeout(PATIENCE, end).await;
        let ended = ended.unwrap_or_else(|_| Err(Refused::pending(ASK_AGAIN)));
        let transaction = ended.map_err(|refused| refused.by(payer.clone()))?;
        self.tell(key, name, &transaction).await.map_err(|refused| refused.by(payer.clone()))?;
        if self.catalogue
            && let Some(item) = listing::of(asked, now)
        {
            let register = self.register.clone();
            tokio::spawn(async move { register.list(item).await });
        }
        Ok(Moved { payer, network, transaction, amount })
    }

    async fn tell(&self, key: ProofKey, name: String, transaction: &str) -> Result<(), Refused> {
        match self.register.tell(key, name).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::told(transaction)),
            Err(error) => {
                tracing::error!(%error, "a payment is settled, and nobody can be told");
                Err(Refused::pending(ASK_AGAIN))
            }
        }
    }

    /// The flight of this payment: the one under way, or a new one.
    fn board(
        self: &Arc<Self>,
        case: Case,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Shared<BoxFuture<'static, Ended>>, Refused> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&case.proof.key) {
            return if flight.take == case.take { Ok(flight.end.clone()) } else { Err(Refused::duplicate()) };
        }
        let entry = Entry {
            proof: case.proof.key.clone(),
            take: case.take,
            caller: caller.name.clone(),
            limit: caller.settlements_per_day,
            is_ready: case.kind.settler.readiness().is_ok(),
            now,
        };
        let (key, take) = (case.proof.key.clone(), case.take);
        self.meters.in_flight.increment(1);
        // A task of its own: a seller that leaves does not take the payment with it.
        let desk = Arc::clone(self);
        let task = tokio::spawn(async move {
            let ended = desk.fly(&case, entry).await;
            desk.land(&case.proof.key);
            ended
        });
        let end = task.map(|ended| ended.unwrap_or_else(|_| Err(Refused::pending(ASK_AGAIN)))).boxed().shared();
        flights.insert(key, Flight { take, end: end.clone() });
        Ok(end)
    }

    fn land(&self, key: &ProofKey) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.meters.in_flight.decrement(1);
    }

    async fn fly(&self, case: &Case, entry: Entry) -> Ended {
        let (now, take) = (entry.now, entry.take);
        let found = self.register.begin(entry).await.map_err(|error| {
            tracing::error!(%error, "nothing can be settled");
            Refused::broken()
        })?;
        let (attempt, claimed_at, is_new) = match found {
            Found::Begin { attempt } => (attempt, now, true),
            Found::Begun { take: begun, attempt, claimed_at } if begun == take => (attempt, claimed_at, false),
            Found::Settled { take: settled, reference } if settled == take => return Ok(reference),
            Found::Begun { .. } | Found::Settled { .. } => return Err(Refused::duplicate()),
            Found::Spent => return Err(Refused::spent(until_midnight(now))),
            Found::NotReady => return Err(Refused::not_ready()),
        };
        let claim = case.claim(attempt, claimed_at).ok_or_else(Refused::broken)?;
        let settler = &case.kind.settler;
        let settlement = match (is_new, take) {
            (false, _) => settler.lookup(&claim).await,
            (true, Some(amount)) => settler.capture(&claim, amount).await,
            (true, None) => settler.settle(&claim).await,
        };
        self.end(case, settlement).await
    }

    async fn end(&self, case: &Case, settlement: Settlement) -> Ended {
        let (end, ended) = match settlement {
            Settlement::Settled(settled) => {
                let reference = settled.reference;
                (End::Settled { reference: reference.clone() }, Ok(reference))
            }
            Settlement::Rejected(rejected) => {
                tracing::info!(reason = rejected.reason, network = %case.kind.network, "a payment was not settled");
                (End::Rejected, Err(Refused::payment(case.words, &rejected.refusal)))
            }
            Settlement::Unknown(unknown) => {
                tracing::warn!(reason = unknown.reason, network = %case.kind.network, "a payment is not settled yet");
                return Err(Refused::pending(unknown.ask_again));
            }
        };
        if let Err(error) = self.register.end(case.proof.key.clone(), end).await {
            // It stands as begun, and is looked up when it is asked for again.
            tracing::error!(%error, "what became of a payment could not be written down");
        }
        ended
    }

    /// Waits for the settlements under way.
    pub(crate) async fn finish(&self) {
        let ends: Vec<_> = {
            let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.values().map(|flight| flight.end.clone()).collect()
        };
        join_all(ends).await;
    }
}

fn until_midnight(now: Timestamp) -> Duration {
    let left = DAY - now.unix_millis().rem_euclid(DAY);
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}
