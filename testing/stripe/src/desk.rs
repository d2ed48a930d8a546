use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::billing::Billing;
use crate::call::Call;
use crate::idempotency::Known;
use crate::trouble::Trouble;
use crate::{AGENT_KEY, Clock, SELLER_KEY};

/// What the double knows and how it will behave.
pub struct Desk {
    pub(crate) now: Clock,
    count: u64,
    pub(crate) keys: BTreeMap<String, Known>,
    troubles: VecDeque<(String, Trouble)>,
    /// Every call, in order: `POST payment_intents`.
    pub calls: Vec<String>,
    /// Every PaymentIntent by its id.
    pub intents: BTreeMap<String, Value>,
    /// Every token by its id.
    pub tokens: BTreeMap<String, Value>,
    /// Every refund, in order.
    pub refunds: Vec<Value>,
    /// Every dispute, in order.
    pub disputes: Vec<Value>,
    /// Every balance transaction, in order.
    pub transactions: Vec<Value>,
    /// Every issued card by its id.
    pub cards: BTreeMap<String, Value>,
    /// Customers, subscriptions and their invoices.
    pub billing: Billing,
    /// Whether a search shows nothing yet.
    pub search_lags: bool,
    /// What the last PaymentIntent was ordered with: parameters that tests look at.
    pub last_order: BTreeMap<String, String>,
    /// The version of the API that the last PaymentIntent was ordered in.
    pub last_version: Option<String>,
}

impl Desk {
    pub(crate) fn new(now: Clock) -> Self {
        Self {
            now,
            count: 0,
            keys: BTreeMap::new(),
            troubles: VecDeque::new(),
            calls: Vec::new(),
            intents: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            transactions: Vec::new(),
            cards: BTreeMap::new(),
            billing: Billing::default(),
            search_lags: false,
            last_order: BTreeMap::new(),
            last_version: None,
        }
    }

    /// The next calls of this path meet these troubles, one each. The path is as in [`Desk::calls`].
    pub fn expect(&mut self, path: &str, troubles: impl IntoIterator<Item = Trouble>) {
        self.troubles.extend(troubles.into_iter().map(|trouble| (path.to_owned(), trouble)));
    }

    /// How many calls of this path there were.
    pub fn count(&self, path: &str) -> usize {
        self.calls.iter().filter(|call| *call == path).count()
    }

    pub(crate) fn trouble_for(&mut self, call: &Call) -> Option<Trouble> {
        let name = format!("{} {}", call.method, call.path);
        let at = self.troubles.iter().position(|(path, _)| *path == name)?;
        self.troubles.remove(at).map(|(_, trouble)| trouble)
    }

    pub(crate) fn knows(&self, secret: &str) -> bool {
        [SELLER_KEY, AGENT_KEY].contains(&secret)
    }

    /// A fresh id with this prefix.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_1Double{:012}", self.count)
    }

    pub(crate) fn seconds(&self) -> i64 {
        (self.now)()
    }

    pub(crate) fn serve(&mut self, call: &Call) -> Answer {
        let parts: Vec<&str> = call.path.split('/').collect();
        if let Some(answer) = self.serve_billing(call, &parts) {
            return answer;
        }
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["payment_intents"]) => self.create_intent(call),
            ("GET", ["payment_intents"]) => self.list_intents(),
            ("GET", ["payment_intents", "search"]) => self.search_intents(call),
            ("GET", ["payment_intents", id]) => self.intent(id, call),
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel_intent(id),
            ("POST", ["refunds"]) => self.create_refund(call),
            ("GET", ["refunds"]) => Answer::list(of_intent(&self.refunds, call), false),
            ("GET", ["disputes"]) => Answer::list(of_intent(&self.disputes, call), false),
            ("GET", ["balance_transactions"]) => self.list_transactions(call),
            ("POST", ["shared_payment", "issued_tokens"]) => self.issue_token(call),
            ("POST", ["shared_payment", "issued_tokens", id, "revoke"]) => self.revoke_token(id),
            ("GET", ["shared_payment", "issued_tokens" | "granted_tokens", id]) => self.token(id),
            ("POST", ["test_helpers", "shared_payment", "granted_tokens"]) => self.grant_token(call),
            ("POST", ["test_helpers", "shared_payment", "granted_tokens", id, "revoke"]) => self.revoke_token(id),
            ("GET", ["account"]) => Answer::ok(json!({ "id": "acct_double", "object": "account", "livemode": false })),
            _ => Answer::missing(&call.path),
        }
    }

    fn serve_billing(&mut self, call: &Call, parts: &[&str]) -> Option<Answer> {
        Some(match (call.method.as_str(), parts) {
            ("POST", ["issuing", "cards"]) => self.create_card(call),
            ("POST", ["issuing", "cards", id]) => self.change_card(id, call),
            ("POST", ["customers"]) => self.create_customer(call),
            ("GET", ["customers", id]) => self.customer(id),
            ("GET", ["payment_methods", id]) => self.payment_method(id),
            ("POST", ["payment_methods", id, "attach"]) => self.attach(id, call),
            ("POST", ["prices"]) => self.create_price(call),
            ("GET", ["prices"]) => self.list_prices(call),
            ("POST", ["subscriptions"]) => self.create_subscription(call),
            ("GET", ["subscriptions", "search"]) => self.search_subscriptions(call),
            ("GET", ["subscriptions", id]) => self.subscription(id),
            ("POST", ["subscriptions", id]) => self.change_subscription(id, call),
            ("DELETE", ["subscriptions", id]) => Answer::ok(self.end_subscription(id)),
            ("GET", ["invoices"]) => self.list_invoices(call),
            ("GET", ["invoices", id]) => self.invoice(id),
            ("POST", ["invoices", id, "void"]) => self.void_invoice(id),
            _ => return None,
        })
    }
}

fn of_intent(all: &[Value], call: &Call) -> Vec<Value> {
    let wanted = call.param("payment_intent");
    all.iter().rev().filter(|each| wanted.is_none() || each["payment_intent"].as_str() == wanted).cloned().collect()
}
