use std::sync::{Arc, Mutex};

use farthing_dialects::x402::model::nonce;
use farthing_dialects::x402::{METHOD, Requirements, UPTO};
use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{ChargeRequest, Credential, Timestamp};
use farthing_rail::{Answer, Approved, Became, NotPayable, Offer, Payer, Quote, SignError, Signed, end_of};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::Chains;
use farthing_rail_evm::x402::X402Payer;
use farthing_wallet::VaultAccount;
use serde_json::json;

use super::USDC;

/// What a chain says of every payment.
pub(crate) type Chain = Became;

/// What was signed, by how much and for whom: the oracle of every test here.
#[derive(Clone)]
pub(crate) struct Inked(Arc<Mutex<(Vec<Quote>, Chain)>>);

impl Default for Inked {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), Became::Unknown))))
    }
}

impl Inked {
    pub(crate) fn quotes(&self) -> Vec<Quote> {
        self.0.lock().unwrap().0.clone()
    }

    /// How many signatures there are.
    pub(crate) fn count(&self) -> usize {
        self.quotes().len()
    }

    /// The amounts that were signed, in base units.
    pub(crate) fn amounts(&self) -> Vec<u128> {
        self.quotes().iter().map(|quote| quote.amount.units()).collect()
    }

    fn note(&self, quote: Quote) {
        self.0.lock().unwrap().0.push(quote);
    }

    pub(crate) fn say(&self, chain: Chain) {
        self.0.lock().unwrap().1 = chain;
    }

    pub(crate) fn chain(&self) -> Chain {
        self.0.lock().unwrap().1
    }
}

/// The payer of the product, with a note of what it signs, and a chain that says what a test says.
pub(crate) struct Noted {
    payer: X402Payer,
    inked: Inked,
}

impl Noted {
    /// Pays `exact` in the tokens on file for Base Sepolia, from this account.
    pub(crate) fn exact(account: Arc<VaultAccount>, now: Timestamp, inked: &Inked) -> Self {
        let chains = Chains::parse("[chain.here]\nchain = 84532\nrpc = \"http://127.0.0.1:9\"").unwrap();
        let payer = X402Payer::exact(Account::new(account), &chains, Arc::new(move || now));
        Self { payer, inked: inked.clone() }
    }
}

impl Payer for Noted {
    fn pays(&self) -> (&str, &str) {
        self.payer.pays()
    }

    fn is_bearer(&self) -> bool {
        self.payer.is_bearer()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        self.payer.quote(offer)
    }

    fn became<'a>(&'a self, _credential: &'a Credential) -> Answer<'a, Became> {
        Box::pin(std::future::ready(self.inked.chain()))
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        self.inked.note(approved.get().clone());
        self.payer.sign(approved)
    }
}

/// A double: answers offers of `upto` in one token of one chain, with signatures that are none.
pub(crate) struct Ink {
    inked: Inked,
}

const PAYER: &str = "0x857b06519E91e3A54538791bDbb0E22373e36b66";

impl Ink {
    pub(crate) fn upto(inked: &Inked) -> Self {
        Self { inked: inked.clone() }
    }

    fn asset() -> Asset {
        format!("USDC.6@eip155:84532/{USDC}").parse().unwrap()
    }

    fn requirements(challenge: &farthing_protocol::Challenge) -> Result<Requirements, NotPayable> {
        let refused = |reason: String| NotPayable(reason);
        let request = challenge.request().decode().map_err(|error| refused(error.to_string()))?;
        let request = ChargeRequest::from_object(&request).map_err(|error| refused(error.to_string()))?;
        Requirements::from_request(UPTO, &request).map_err(|error| refused(error.to_string()))
    }
}

impl Payer for Ink {
    fn pays(&self) -> (&str, &str) {
        (METHOD, UPTO)
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        end_of(offer.challenge, offer.now)?;
        let wanted = Self::requirements(offer.challenge)?;
        if wanted.network.as_str() != "eip155:84532" || !wanted.asset.eq_ignore_ascii_case(USDC) {
            let (asset, network) = (&wanted.asset, &wanted.network);
            return Err(NotPayable(format!("{asset} on {network} is no token this wallet knows")));
        }
        let millionths = u64::try_from(wanted.amount.units()).map_err(|_| NotPayable("too much".into()))?;
        Ok(Quote {
            challenge: offer.challenge.clone(),
            origin: offer.origin.clone(),
            amount: wanted.amount,
            fee: Amount::ZERO,
            asset: Self::asset(),
            cost: Price::from_millionths(millionths, "USD".parse().unwrap()),
            payee: Some(wanted.pay_to),
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn became<'a>(&'a self, _credential: &'a Credential) -> Answer<'a, Became> {
        Box::pin(std::future::ready(self.inked.chain()))
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        let quote = approved.into_inner();
        let nonce: String = nonce(&quote.challenge).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let payload = json!({
            "signature": format!("0x{}", "ab".repeat(65)),
            "authorization": {
                "from": PAYER, "to": quote.payee, "value": quote.amount.to_string(), "validAfter": "0",
                "validBefore": quote.challenge.expires().unwrap().unix_millis().div_euclid(1000).to_string(),
                "nonce": format!("0x{nonce}"),
            },
        });
        let credential = Credential::new(quote.challenge.clone(), payload.as_object().unwrap().clone(), None);
        self.inked.note(quote);
        Box::pin(std::future::ready(Ok(credential.into())))
    }
}
