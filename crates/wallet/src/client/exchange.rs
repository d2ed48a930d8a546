//! Ways to a server other than HTTP, in the shape of HTTP.

use async_trait::async_trait;
use reqwest::{Request, Response};

use super::transport::{Lost, Transport};
use super::{Order, Outcome, PayError, PayingClient};

/// A way to a server that translates: a request goes out in the words of another protocol, and what comes back
/// is told as a response of HTTP. A demand for payment is a 402 with the headers of the Payment scheme or of
/// x402, and a payment comes in the header that it would have over HTTP.
///
/// The URL of the request names what is bought and who sells it: policies decide by its origin. It must be
/// the same each time that the same is bought, as must the body, or a payment whose answer was lost is not
/// found again.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Sends one request, with or without a payment.
    async fn send(&self, request: Request) -> Result<Response, NoAnswer>;
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Whether it certainly never left.
    pub never_left: bool,
    /// Why, without secrets.
    pub reason: String,
}

impl PayingClient {
    /// Pays as [`pay_as`](Self::pay_as) does, over another way than HTTP.
    ///
    /// # Errors
    ///
    /// As for `pay_as`.
    pub async fn pay_over_exchange(
        &self,
        exchange: &dyn Exchange,
        request: Request,
        order: &Order,
    ) -> Result<Outcome, PayError> {
        self.pay_over(&Translated(exchange), request, order).await
    }

    /// The methods and intents of charges that this client pays with: `("tempo", "charge")`.
    pub fn charges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.payers.iter().map(|payer| payer.pays())
    }
}

struct Translated<'a>(&'a dyn Exchange);

#[async_trait]
impl Transport for Translated<'_> {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let sent = self.0.send(request).await;
        sent.map_err(|NoAnswer { never_left, reason }| Lost { never_left, ..Lost::after(&reason) })
    }

    fn may_redirect(&self) -> bool {
        false
    }
}
