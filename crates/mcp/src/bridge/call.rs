use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use farthing_dialects::atxp;
use farthing_protocol::JsonObject;
use farthing_protocol::json::canonical;
use farthing_wallet::client::{Exchange, NoAnswer};
use reqwest::{Request, Response};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, GetPromptRequest, GetPromptRequestParams, MetaObject,
    ReadResourceRequest, ReadResourceRequestParams, RequestMetaObject, RequestParamsMeta as _,
};
use rmcp::service::{PeerRequestOptions, ServiceError};
use serde_json::{Value, json};
use url::Url;

use super::atxp::Services;
use super::connection::{Connection, Upstream};
use super::wire::{self, Answer, Hindrance};

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is asked of another server.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Tool(CallToolRequestParams),
    Resource(ReadResourceRequestParams),
    Prompt(GetPromptRequestParams),
}

/// One call of another server, which may cost something. The wallet sends it, with and without a payment.
pub(super) struct Call<'a> {
    pub(super) connection: &'a Connection,
    pub(super) asked: Asked,
    /// Who wants to know how far it is, and may take it back.
    pub(super) upstream: Option<Upstream>,
    /// Who is asked for the terms of an ATXP demand that is only a text.
    services: Option<&'a Services>,
    /// Why its newest demand cannot be paid, where the words in which it asked say that.
    hindrance: Mutex<Option<&'static str>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(connection: &'a Connection, asked: Asked, upstream: Option<Upstream>) -> Self {
        Self { connection, asked, upstream, services: None, hindrance: Mutex::default() }
    }

    pub(super) fn asking(mut self, services: Option<&'a Services>) -> Self {
        self.services = services;
        self
    }

    /// Why its newest demand cannot be paid, in one sentence, if its words say that.
    pub(super) fn hindrance(&self) -> Option<&'static str> {
        *self.hindrance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the wallet knows it by: the server, what is asked for, and the arguments in one spelling. The same
    /// call again is the same request, so that a payment whose answer was lost is found again.
    pub(super) fn request(&self, server: &Url) -> Result<Request, String> {
        let (kind, name, arguments) = match &self.asked {
            Asked::Tool(asked) => ("tool", asked.name.as_ref(), asked.arguments.as_ref()),
            Asked::Resource(asked) => ("resource", asked.uri.as_str(), None),
            Asked::Prompt(asked) => ("prompt", asked.name.as_str(), asked.arguments.as_ref()),
        };
        let mut url = server.clone();
        let mut segments = url.path_segments_mut().map_err(|()| "the server's url has no path".to_owned())?;
        segments.pop_if_empty().extend([kind, name]);
        drop(segments);
        let body = canonical(&json!({ "name": name, "arguments": arguments })).map_err(|error| error.to_string())?;
        let mut request = Request::new(http::Method::POST, url);
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// What an answer demands in ATXP's words, with its terms read where only a text says where they are.
    async fn demand_by_atxp(&self, answer: &JsonObject) -> Option<atxp::Demand> {
        let mut demand = atxp::Demand::of(answer)?;
        let Some((reference, services)) = demand.reference.take().zip(self.services) else { return Some(demand) };
        match services.terms(&reference).await {
            None => {}
            Some(Ok(list)) => (demand.x402, demand.hindrance) = (Some(list), None),
            Some(Err(sentence)) => demand.hindrance = Some(sentence),
        }
        Some(demand)
    }

    fn message(&self, payment: Option<JsonObject>) -> ClientRequest {
        let meta = payment.map(|members| RequestMetaObject(MetaObject(members)));
        match &self.asked {
            Asked::Tool(asked) => {
                let mut asked = asked.clone();
                *asked.meta_mut() = meta;
                ClientRequest::CallToolRequest(CallToolRequest::new(asked))
            }
            Asked::Resource(asked) => {
                let mut asked = asked.clone();
                *asked.meta_mut() = meta;
                ClientRequest::ReadResourceRequest(ReadResourceRequest::new(asked))
            }
            Asked::Prompt(asked) => {
                let mut asked = asked.clone();
                *asked.meta_mut() = meta;
                ClientRequest::GetPromptRequest(GetPromptRequest::new(asked))
            }
        }
    }

    /// Sends it once. A call that was paid for is not taken back: its answer says what became of the money.
    async fn ask(&self, message: ClientRequest, was_paid: bool) -> Result<JsonObject, NoAnswer> {
        let never = |reason: String| NoAnswer { never_left: true, reason };
        let lost = |reason: String| NoAnswer { never_left: false, reason };
        let (peer, progress) = self.connection.line().await.map_err(never)?;
        let sent = peer.send_request_with_option(message, PeerRequestOptions::no_options()).await;
        let mut handle = sent.map_err(|error| lost(reason(&error)))?;
        let following = match self.upstream.as_ref().filter(|upstream| upstream.progress.is_some()) {
            Some(upstream) => Some(progress.follow(handle.progress_token.clone(), upstream.clone()).await),
            None => None,
        };
        let taken_back = async {
            match &self.upstream {
                Some(upstream) if !was_paid => upstream.cancelled.cancelled().await,
                _ => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            answer = &mut handle.rx => answer,
            () = taken_back => {
                let _ = handle.cancel(Some("the caller took the call back".to_owned())).await;
                return Err(lost("the call was taken back".to_owned()));
            }
            () = tokio::time::sleep(PATIENCE) => {
                let _ = handle.cancel(Some("it took too long".to_owned())).await;
                return Err(lost(format!("it did not answer within {} seconds", PATIENCE.as_secs())));
            }
        };
        if let Some(following) = following {
            following.catch_up().await;
        }
        match answer {
            Ok(Ok(result)) => Ok(member("result", serde_json::to_value(&result).unwrap_or_default())),
            Ok(Err(ServiceError::McpError(error))) => {
                Ok(member("error", serde_json::to_value(&error).unwrap_or_default()))
            }
            Ok(Err(error)) => Err(lost(reason(&error))),
            Err(_) => Err(lost("it hung up".to_owned())),
        }
    }
}

#[async_trait]
impl Exchange for Call<'_> {
    async fn send(&self, request: Request) -> Result<Response, NoAnswer> {
        let unsendable = |reason: String| NoAnswer { never_left: true, reason };
        let payment = self.connection.told(|told| wire::payment(request.headers(), told)).map_err(unsendable)?;
        let was_paid = payment.is_some();
        let answer = self.ask(self.message(payment), was_paid).await?;
        let demand = self.demand_by_atxp(&answer).await;
        let answer = Answer { message: &answer, was_paid, atxp: demand };
        let response = self.connection.told(|told| wire::response(answer, request.url(), told));
        let response = response.map_err(|reason| NoAnswer { never_left: false, reason })?;
        let hindrance = response.extensions().get::<Hindrance>().map(|Hindrance(sentence)| *sentence);
        *self.hindrance.lock().unwrap_or_else(PoisonError::into_inner) = hindrance;
        Ok(response)
    }
}

fn member(name: &str, value: Value) -> JsonObject {
    JsonObject::from_iter([(name.to_owned(), value)])
}

/// Why there is no answer, without what a message of the peer's says.
fn reason(error: &ServiceError) -> String {
    match error {
        ServiceError::TransportSend(_) | ServiceError::TransportClosed => "the server cannot be reached".to_owned(),
        ServiceError::UnexpectedResponse => "the server answered something else".to_owned(),
        _ => "the server did not answer".to_owned(),
    }
}
