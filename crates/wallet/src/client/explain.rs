use farthing_dialects::x402::Version;
use farthing_money::{Amount, Price};
use farthing_rail::{Quote, SessionQuote};
use http::StatusCode;

use super::demand::Demand;
use super::offers::Quoted;
use super::plain::plain;
use super::request::Prepared;
use super::session::SessionOffer;
use super::{Order, PayError, PayingClient, offers, transport};
use crate::policy::{Asking, Decision, Rule, decide, exceeded, limit_behind, no_policy_sentence};

/// What a request would do, found out without paying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The status of the unpaid request; 402 when it must be paid for.
    pub status: StatusCode,
    /// The offers that could be paid, the cheapest first.
    pub offers: Vec<ExplainedOffer>,
    /// Why others could not.
    pub reasons: Vec<String>,
}

/// One offer and the policy's answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedOffer {
    /// `balance/charge`.
    pub method: String,
    /// In whose words it is offered: `Payment`, `x402 version 2`.
    pub protocol: &'static str,
    /// What it would cost, fees included.
    pub cost: Price,
    /// The asset, in the form in which books store it: `USDC.6@eip155:8453/0x...`.
    pub asset: String,
    /// The chain it is on (CAIP-2), if it is on one.
    pub chain: Option<String>,
    /// Who would be paid, where the method names one.
    pub payee: Option<String>,
    /// Whether the money moves before the seller has agreed to anything.
    pub sent_first: bool,
    /// Why there is too little money for it, if there is.
    pub shortage: Option<String>,
    /// The rule that says no; `None` when the policy allows it.
    pub denied_by: Option<Rule>,
    /// The answer, in one sentence.
    pub sentence: String,
}

impl ExplainedOffer {
    /// Whether the same call without `explain` would pay it, were it the only offer.
    pub fn is_payable(&self) -> bool {
        self.denied_by.is_none() && self.shortage.is_none()
    }
}

impl PayingClient {
    /// Sends the request without a payment and says what paying would cost and which rule decides.
    /// Nothing is reserved or signed, and no key is opened.
    pub async fn explain(&self, request: reqwest::Request, max: Option<Price>) -> Result<Explanation, PayError> {
        self.explain_as(request, &Order { max, ..Order::default() }).await
    }

    /// The same, with more to say about it.
    pub async fn explain_as(&self, request: reqwest::Request, order: &Order) -> Result<Explanation, PayError> {
        let mut request = Prepared::new(request, &self.wallet.ambient)?.map_err(PayError::Request)?;
        let response = transport::ask(&self.http, &mut request, &self.accepts()).await?;
        let mut explanation = Explanation { status: response.status(), offers: Vec::new(), reasons: Vec::new() };
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(explanation);
        }
        let read = match self.offers(&self.http, &request, &Demand::read(response).await)? {
            Ok(read) => read,
            Err(sentence) => {
                explanation.reasons.push(sentence);
                return Ok(explanation);
            }
        };
        explanation.reasons = read.reasons;
        for Quoted { payer, quote, x402, signers } in read.quotes {
            let (method, intent) = payer.pays();
            let (denied_by, sentence) = self.explain_decision(&request, &quote, &signers, order).await?;
            let shortage = offers::shortage(payer.as_ref(), &quote, self.wallet.name()).await;
            explanation.offers.push(ExplainedOffer {
                method: format!("{method}/{intent}"),
                protocol: match x402 {
                    None => "Payment",
                    Some(Version::V1) => "x402 version 1",
                    Some(Version::V2) => "x402 version 2",
                },
                cost: quote.cost,
                asset: quote.asset.to_string(),
                chain: offers::place(&quote).map(str::to_owned),
                payee: quote.payee.as_deref().map(plain),
                sent_first: quote.sent_first,
                shortage,
                denied_by,
                sentence,
            });
        }
        for SessionOffer { payer, quote } in read.sessions {
            let (method, intent) = payer.pays();
            let unit = unit_of(&quote);
            let (denied_by, sentence) = self.explain_decision(&request, &unit, &[], order).await?;
            explanation.offers.push(ExplainedOffer {
                method: format!("{method}/{intent}"),
                protocol: "Payment",
                cost: unit.cost,
                asset: unit.asset.to_string(),
                chain: offers::place(&unit).map(str::to_owned),
                payee: unit.payee.as_deref().map(plain),
                sent_first: false,
                shortage: None,
                denied_by,
                sentence: format!("a unit of a session, which takes a deposit first: {sentence}"),
            });
        }
        Ok(explanation)
    }

    async fn explain_decision(
        &self,
        request: &Prepared,
        quote: &Quote,
        offer_signers: &[String],
        order: &Order,
    ) -> Result<(Option<Rule>, String), PayError> {
        let wallet = self.wallet.name().as_str();
        if let Some(stopped) = self.wallet.stopped() {
            return Ok((Some(Rule::Frozen), stopped.to_string()));
        }
        let levels = self.wallet.levels().await?;
        if levels.is_empty() {
            return Ok((Some(Rule::NoPolicy), no_policy_sentence(wallet)));
        }
        let redirected_from = request.redirected_from();
        let asking = Asking { offer_signers, ..request.asking(order, redirected_from.as_ref()) };
        let (purchase, now) = (asking.charge(quote), self.wallet.ambient.now());
        let known = self.wallet.sellers().known(&levels, &purchase);
        let (cost, charges) = match decide(&levels, &purchase, &known, now) {
            Decision::Allow { cost, charges } => (cost, charges),
            Decision::Deny { rule, sentence, .. } | Decision::Ask { rule, sentence, .. } => {
                return Ok((Some(rule), sentence));
            }
        };
        for charge in charges {
            let Some(counter) = self.wallet.budgets.budget(&charge.key).await? else { continue };
            let counter = counter.at(now);
            if !charge.has_room(&counter, cost) {
                let limited = limit_behind(&levels, &purchase, now, &charge.key);
                let (rule, sentence) = exceeded(&charge, limited, cost, [counter.spent, counter.reserved]);
                return Ok((Some(rule), sentence));
            }
        }
        Ok((None, format!("it costs {}, and the policy of {wallet} allows it", quote.cost)))
    }
}

/// What one unit of a session would be as a payment.
fn unit_of(quote: &SessionQuote) -> Quote {
    Quote {
        challenge: quote.challenge.clone(),
        origin: quote.origin.clone(),
        amount: quote.unit_amount,
        fee: Amount::ZERO,
        asset: quote.asset.clone(),
        cost: quote.unit_cost,
        payee: quote.payee.clone(),
        sent_first: false,
    }
}
