//! Using what the wallet subscribed to: a signature in place of a payment.

use farthing_money::Price;
use farthing_protocol::subscription::INTENT;
use farthing_protocol::{Challenge, Credential, JsonObject, Receipt, SubscriptionRequest, base64url};
use farthing_rail::{Origin, Signer as _, SubscriptionId, Wish, visit_message};
use http::header::WWW_AUTHENTICATE;
use reqwest::Response;

use super::demand::Demand;
use super::presenting::Answer;
use super::request::Prepared;
use super::transport::{self, Transport};
use super::{Outcome, PayError, PayingClient, Round};
use crate::subscriptions::{Begins, Subscription};

impl PayingClient {
    /// Answers a 402 with a subscription that the wallet has on the very terms of an offer; nothing, where it has none.
    /// What the server does not take is over: beginning anew is for the policy to allow.
    pub(super) async fn visit(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        demand: &Demand,
    ) -> Result<Option<Round>, PayError> {
        if demand.lapsed {
            return Ok(None);
        }
        let Some(origin) = request.secure_origin() else { return Ok(None) };
        let found = offered(demand, request).find_map(|challenge| {
            let id = self.wallet.subscription_for(&challenge, &origin)?;
            Some((challenge, id))
        });
        let Some((challenge, id)) = found else { return Ok(None) };
        if let Some(stopped) = self.wallet.stopped_now().await? {
            return Ok(Some(Round::Over(Outcome::frozen(&stopped))));
        }
        self.wallet.unlock().await?;
        let credential = match self.visiting(challenge, id, Wish::Use) {
            Ok(credential) => credential,
            Err(sentence) => return Ok(Some(Round::Over(Outcome::refused(sentence)))),
        };
        Ok(Some(match self.present(transport, request, &credential, false).await.answer {
            Answer::Success(response) | Answer::Other(response) => Round::Over(Outcome::Free { response }),
            Answer::Unpaid(next) => Round::Again(Demand { lapsed: true, ..next }),
            Answer::Nothing(sentence) => Round::Over(Outcome::refused(sentence)),
        }))
    }

    fn visiting(&self, challenge: Challenge, id: SubscriptionId, wish: Wish) -> Result<Credential, String> {
        let signer = self.wallet.signer();
        let signature = signer.sign(&visit_message(&challenge, id, wish)).map_err(|error| error.to_string())?;
        let mut payload = JsonObject::new();
        payload.insert("subscriptionId".into(), id.to_string().into());
        payload.insert("action".into(), wish.as_str().into());
        payload.insert("signature".into(), base64url::encode(signature).into());
        Ok(Credential::new(challenge, payload, Some(signer.did().to_owned())))
    }

    /// Remembers a subscription that a payment began. Without a receipt that names it, it cannot be used: the owner
    /// is told.
    pub(super) fn note_subscription(
        &self,
        credential: &Credential,
        response: &Response,
        receipt: Option<&Receipt>,
        price: Price,
    ) {
        let challenge = credential.challenge();
        if challenge.intent().as_str() != INTENT {
            return;
        }
        let id =
            receipt.and_then(|receipt| receipt.extra.get("subscriptionId")?.as_str()).and_then(SubscriptionId::read);
        let origin = response.url().origin().ascii_serialization().parse::<Origin>().ok();
        let object = challenge.request().decode().ok();
        let request = object.and_then(|object| SubscriptionRequest::from_object(&object).ok());
        let (Some(id), Some(origin), Some(request)) = (id, origin, request) else {
            tracing::error!("a subscription began and its receipt does not name it; ask the seller to cancel it");
            return;
        };
        let period = format!("{} {}", request.period.count(), request.period.unit().as_str());
        let (url, at) = (response.url().as_str(), self.wallet.ambient.now());
        let begins = Begins { challenge, origin: &origin, url, id, price, period, at };
        if let Err(error) = self.wallet.remember_subscription(&begins) {
            tracing::error!(%error, %id, "a subscription began and could not be written down");
        }
    }

    /// Has a subscription renewed no more. Until when it is good, or why it is not cancelled, in one sentence.
    pub async fn cancel_subscription(&self, known: &Subscription) -> Result<Result<String, String>, PayError> {
        let not = |sentence: &str| Ok(Err(sentence.to_owned()));
        let (Ok(url), Some(id)) = (known.url.parse(), SubscriptionId::read(&known.id)) else {
            return not("what is kept of the subscription cannot be read");
        };
        let mut request = match Prepared::new(reqwest::Request::new(reqwest::Method::GET, url), &self.wallet.ambient)? {
            Ok(request) => request,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let response = transport::ask(&self.http, &mut request, &self.accepts()).await?;
        if request.secure_origin().map(|origin| origin.to_string()).as_ref() != Some(&known.origin) {
            return not("the URL leads to another server than the one that was subscribed to");
        }
        let demand = Demand::read(response).await;
        let Some(challenge) = offered(&demand, &request).next() else {
            return not("the server offers no subscription there any more; have the seller cancel it");
        };
        self.wallet.unlock().await?;
        let credential = match self.visiting(challenge, id, Wish::Cancel) {
            Ok(credential) => credential,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let ends = match self.present(&self.http, &request, &credential, false).await.answer {
            Answer::Success(response) => response.bytes().await.ok().and_then(|body| ends_in(&body)),
            _ => None,
        };
        let Some(ends) = ends else { return not("the server did not say that it is cancelled; try again") };
        self.wallet.note_end(known, &ends).map_err(|error| PayError::Record(error.to_string()))?;
        Ok(Ok(ends))
    }
}

/// The offers of subscriptions for this request.
fn offered<'a>(demand: &'a Demand, request: &'a Prepared) -> impl Iterator<Item = Challenge> + 'a {
    let lines = demand.headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes);
    let is_it = |challenge: &Challenge| {
        challenge.intent().as_str() == INTENT && challenge.digest().is_none_or(|digest| digest.matches(request.body()))
    };
    Challenge::parse_all(lines).into_iter().flatten().filter(move |challenge| is_it(challenge))
}

/// When a subscription ends, as its server says.
fn ends_in(body: &[u8]) -> Option<String> {
    let said: serde_json::Value = serde_json::from_slice(body).ok()?;
    let ends = said.get("ends")?.as_str()?;
    farthing_protocol::Timestamp::parse(ends).ok().map(farthing_protocol::Timestamp::to_rfc3339)
}
