use std::slice;

use farthing_dialects::x402::Version;
use farthing_money::{Amount, Price};
use farthing_protocol::Timestamp;
use farthing_rail::{Quote, SessionQuote};
use http::StatusCode;

use super::demand::Demand;
use super::offers::Quoted;
use super::plain::plain;
use super::request::Prepared;
use super::session::SessionOffer;
use super::{Order, PayError, PayingClient, offers, transport};
use crate::policy::{
    Asking, Decision, Level, Purchase, Rule, decide, each_level, exceeded, limit_behind, no_policy_sentence,
};

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
    /// What each level says by itself; nothing where the wallet is stopped or has no policy.
    pub levels: Vec<LevelAnswer>,
}

/// What one level says to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelAnswer {
    /// Its name: `agent`, `group/research`.
    pub level: String,
    /// What it says.
    pub says: LevelSays,
    /// The rule by which it does not simply allow it.
    pub rule: Option<Rule>,
    /// The reason, in one sentence.
    pub sentence: Option<String>,
    /// Whether this is the level that decides. Where all allow it, all do.
    pub decides: bool,
}

/// The answers of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelSays {
    /// It allows it, and its counters have room.
    Allowed,
    /// It does not.
    Denied,
    /// It wants a person to be asked.
    Asks,
}

impl LevelSays {
    /// The word that scripts read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Asks => "asks",
        }
    }
}

/// The policy's answer.
struct Answered {
    denied_by: Option<Rule>,
    sentence: String,
    levels: Vec<LevelAnswer>,
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
            let Answered { denied_by, sentence, levels } =
                self.explain_decision(&request, &quote, &signers, order).await?;
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
                levels,
            });
        }
        for SessionOffer { payer, quote } in read.sessions {
            let (method, intent) = payer.pays();
            let unit = unit_of(&quote);
            let Answered { denied_by, sentence, levels } = self.explain_decision(&request, &unit, &[], order).await?;
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
                levels,
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
    ) -> Result<Answered, PayError> {
        let wallet = self.wallet.name().as_str();
        let refused = |rule, sentence| Answered { denied_by: Some(rule), sentence, levels: Vec::new() };
        if let Some(stopped) = self.wallet.stopped_now().await? {
            return Ok(refused(Rule::Frozen, stopped.to_string()));
        }
        let levels = self.wallet.levels().await?;
        if levels.is_empty() {
            return Ok(refused(Rule::NoPolicy, no_policy_sentence(wallet)));
        }
        let redirected_from = request.redirected_from();
        let asking = Asking { offer_signers, ..request.asking(order, redirected_from.as_ref()) };
        let (purchase, now) = (asking.charge(quote), self.wallet.ambient.now());
        let known = self.wallet.sellers().known(&self.wallet.budgets, &levels, &purchase).await;
        let mut answers = Vec::with_capacity(levels.len());
        for (level, decision) in levels.iter().zip(each_level(&levels, &purchase, &known, now)) {
            answers.push(self.level_answer(level, decision, &purchase, now).await?);
        }
        // A rule that denies comes before one that asks, and both before a counter without room.
        let deciding = match decide(&levels, &purchase, &known, now) {
            Decision::Deny { level, .. } | Decision::Ask { level, .. } => Some(level),
            Decision::Allow { .. } => {
                let full = answers.iter().find(|answer| answer.says != LevelSays::Allowed);
                full.map(|answer| answer.level.clone())
            }
        };
        for answer in &mut answers {
            answer.decides = deciding.as_ref().is_none_or(|deciding| *deciding == answer.level);
        }
        let decided = answers.iter().find(|answer| answer.decides && answer.says != LevelSays::Allowed);
        let allowed = || format!("it costs {}, and the policy of {wallet} allows it", quote.cost);
        let sentence = decided.and_then(|answer| answer.sentence.clone()).unwrap_or_else(allowed);
        Ok(Answered { denied_by: decided.and_then(|answer| answer.rule), sentence, levels: answers })
    }

    /// What a level says, with a look at its counters where it allows.
    async fn level_answer(
        &self,
        level: &Level,
        decision: Decision,
        purchase: &Purchase,
        now: Timestamp,
    ) -> Result<LevelAnswer, PayError> {
        let answer = |says, reason: Option<(Rule, String)>| {
            let (rule, sentence) = reason.unzip();
            LevelAnswer { level: level.name.clone(), says, rule, sentence, decides: false }
        };
        let (cost, charges) = match decision {
            Decision::Allow { cost, charges } => (cost, charges),
            Decision::Deny { rule, sentence, .. } => return Ok(answer(LevelSays::Denied, Some((rule, sentence)))),
            Decision::Ask { rule, sentence, .. } => return Ok(answer(LevelSays::Asks, Some((rule, sentence)))),
        };
        for charge in charges {
            let Some(counter) = self.wallet.budgets.budget(&charge.key).await? else { continue };
            let counter = counter.at(now);
            if !charge.has_room(&counter, cost) {
                let limited = limit_behind(slice::from_ref(level), purchase, now, &charge.key);
                let reason = exceeded(&charge, limited, cost, [counter.spent, counter.reserved]);
                return Ok(answer(LevelSays::Denied, Some(reason)));
            }
        }
        Ok(answer(LevelSays::Allowed, None))
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
        tops_up_for: None,
    }
}
