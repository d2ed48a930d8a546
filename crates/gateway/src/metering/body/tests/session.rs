//! A session of which the test is the books.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::stream::NeedVoucher;
use farthing_protocol::{ChallengeId, JsonObject, MethodName, Receipt, Timestamp};
use tokio::sync::watch;

use crate::metering::purse::{Held, Purse};

/// What is signed for, and what was delivered.
#[derive(Clone)]
pub(super) struct Session {
    state: Arc<Mutex<State>>,
    news: watch::Sender<()>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) accepted: u128,
    pub(super) committed: u128,
    pub(super) delivered: u128,
    pub(super) units: u64,
    /// The most that was ever held and not delivered.
    pub(super) exposed: u128,
    pub(super) draws: usize,
    pub(super) says: Option<Held>,
    /// Whether vouchers may be asked for before anything waits for them.
    pub(super) early: bool,
}

pub(super) struct TestPurse {
    session: Session,
    held: u128,
    news: watch::Receiver<()>,
}

impl Session {
    pub(super) fn signed_for(accepted: u128) -> Self {
        Self { state: Arc::new(Mutex::new(State { accepted, ..State::default() })), news: watch::Sender::new(()) }
    }

    pub(super) fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    pub(super) fn voucher(&self, accepted: u128) {
        self.state(|state| state.accepted = accepted);
        self.news.send_replace(());
    }

    pub(super) fn delivered(&self) -> (u128, u64) {
        self.state(|state| (state.delivered, state.units))
    }

    pub(super) fn purse(&self, held: u128) -> TestPurse {
        self.state(|state| state.committed += held);
        TestPurse { session: self.clone(), held, news: self.news.subscribe() }
    }
}

impl Purse for TestPurse {
    async fn hold(mut self, least: Amount, wanted: Amount) -> (Self, Held) {
        self.news.mark_unchanged();
        tokio::task::yield_now().await;
        let (least, wanted) = (least.units(), wanted.units());
        let held = self.session.state(|state| {
            state.draws += 1;
            if let Some(says) = state.says {
                return says;
            }
            let more = wanted.min(state.accepted - state.committed);
            if more < least {
                let [least, wanted] = [least, wanted].map(|more| Amount::new(state.committed + more));
                return Held::Uncovered { least, wanted, early: state.early };
            }
            state.committed += more;
            self.held += more;
            state.exposed = state.exposed.max(self.held);
            Held::More(Amount::new(more))
        });
        (self, held)
    }

    async fn news(&mut self) {
        let _ = tokio::time::timeout(Duration::from_millis(500), self.news.changed()).await;
    }

    fn deliver(&mut self, amount: Amount, units: u64) {
        assert!(amount.units() <= self.held, "{amount} of {} held", self.held);
        self.held -= amount.units();
        self.session.state(|state| {
            state.delivered += amount.units();
            state.units += units;
        });
    }

    fn receipt(&self) -> Receipt {
        let (spent, units) = self.session.delivered();
        let accepted = self.session.state(|state| state.accepted);
        let extra = serde_json::json!({
            "intent": "session", "channelId": "0x01", "units": units,
            "acceptedCumulative": accepted.to_string(), "spent": spent.to_string(),
        });
        Receipt {
            method: MethodName::new("double").unwrap(),
            reference: "0x01".to_owned(),
            timestamp: Timestamp::from_unix_millis(0),
            challenge_id: Some(ChallengeId::read("c").unwrap()),
            external_id: None,
            extra: extra.as_object().cloned().unwrap_or_else(JsonObject::new),
        }
    }

    fn need(&self, required: Amount) -> NeedVoucher {
        let accepted = self.session.state(|state| state.accepted);
        NeedVoucher {
            channel_id: "0x01".to_owned(),
            required_cumulative: required.to_string(),
            accepted_cumulative: accepted.to_string(),
            deposit: "1000".to_owned(),
        }
    }
}

impl Drop for TestPurse {
    fn drop(&mut self) {
        self.session.state(|state| state.committed -= self.held);
    }
}
