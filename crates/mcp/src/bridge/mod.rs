//! Other servers of MCP, offered under a prefix, whose paid tools the wallet pays for.
//!
//! A call goes out unpaid. When the other server asks for a payment, the wallet takes the demand through the
//! same steps as a 402 over HTTP: offer, policy, reservation, signature, and a record that survives a crash.

mod atxp;
mod call;
mod connection;
mod listing;
mod place;
mod progress;
mod told;
mod wire;

use std::collections::BTreeMap;

use farthing_protocol::jsonrpc::Capabilities;
use farthing_rail::Origin;
use farthing_wallet::client::{By, Order, plain};
use farthing_wallet::{Outcome, PayingClient};
use rmcp::model::{CallToolRequestParams, CallToolResponse, GetPromptRequestParams, ReadResourceRequestParams};

use self::atxp::Services;
use self::call::{Asked, Call};
use self::connection::{Connection, Upstream};
use crate::approval::{Next, Person};

pub use place::{Place, PlaceError};

/// Other servers.
pub struct Bridges {
    by_name: BTreeMap<String, Connection>,
    services: Option<Services>,
}

/// Two servers of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two bridges are called {0}; give each a name of its own")]
pub struct SameName(String);

impl Bridges {
    /// Bridges to these servers, paid by this client. Nothing is started yet.
    pub fn new(places: Vec<Place>, client: &PayingClient) -> Result<Self, SameName> {
        let mut pays = Capabilities::default();
        for (method, intent) in client.charges() {
            pays.methods.entry(method.to_owned()).or_default().push(intent.to_owned());
        }
        let mut by_name = BTreeMap::new();
        for place in places {
            let name = place.name.clone();
            if by_name.insert(name.clone(), Connection::new(place, &pays)).is_some() {
                return Err(SameName(name));
            }
        }
        Ok(Self { by_name, services: None })
    }

    /// The same, asking these services of ATXP for the terms of a payment that a tool asks for by a text.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made.
    pub fn asking(mut self, services: Vec<Origin>) -> Result<Self, reqwest::Error> {
        self.services = Some(Services::new(services)?);
        Ok(self)
    }

    /// The server of a prefixed name, and its own name for what is meant.
    fn find<'a>(&self, name: &'a str, separator: char) -> Option<(&Connection, &'a str)> {
        let (server, name) = name.split_once(separator)?;
        Some((self.by_name.get(server)?, name))
    }

    /// Calls a tool of another server; `None` where no server is meant.
    pub(crate) async fn call_tool(
        &self,
        client: &PayingClient,
        person: &Person<'_>,
        request: &CallToolRequestParams,
    ) -> Option<CallToolResponse> {
        let (connection, tool) = self.find(&request.name, '_')?;
        let mut asked = CallToolRequestParams::new(tool.to_owned());
        asked.arguments.clone_from(&request.arguments);
        let call = Call::new(connection, Asked::Tool(asked), Some(upstream(person))).asking(self.services.as_ref());
        Some(match pay(client, person, &call).await {
            Ok(Paid::Over(outcome)) => told::tool(outcome).await.into(),
            Ok(Paid::Input(input)) => input.into(),
            Err(sentence) => told::failed(&sentence).into(),
        })
    }

    /// Reads a resource of another server.
    pub(crate) async fn read_resource(
        &self,
        client: &PayingClient,
        person: &Person<'_>,
        uri: &str,
    ) -> Option<Result<rmcp::model::ReadResourceResponse, rmcp::ErrorData>> {
        let (connection, uri) = self.find(uri, '+')?;
        let asked = Asked::Resource(ReadResourceRequestParams::new(uri));
        let call = Call::new(connection, asked, Some(upstream(person)));
        Some(match pay(client, person, &call).await {
            Ok(Paid::Over(outcome)) => told::other::<rmcp::model::ReadResourceResult>(outcome).await.map(Into::into),
            Ok(Paid::Input(input)) => Ok(input.into()),
            Err(sentence) => Err(told::error(&sentence)),
        })
    }

    /// Gets a prompt of another server.
    pub(crate) async fn get_prompt(
        &self,
        client: &PayingClient,
        person: &Person<'_>,
        request: &GetPromptRequestParams,
    ) -> Option<Result<rmcp::model::GetPromptResponse, rmcp::ErrorData>> {
        let (connection, name) = self.find(&request.name, '_')?;
        let mut asked = GetPromptRequestParams::new(name);
        asked.arguments.clone_from(&request.arguments);
        let call = Call::new(connection, Asked::Prompt(asked), Some(upstream(person)));
        Some(match pay(client, person, &call).await {
            Ok(Paid::Over(outcome)) => told::other::<rmcp::model::GetPromptResult>(outcome).await.map(Into::into),
            Ok(Paid::Input(input)) => Ok(input.into()),
            Err(sentence) => Err(told::error(&sentence)),
        })
    }
}

enum Paid {
    Over(Outcome),
    Input(rmcp::model::InputRequiredResult),
}

async fn pay(client: &PayingClient, person: &Person<'_>, call: &Call<'_>) -> Result<Paid, String> {
    let outcome = pay_once(client, call).await?;
    Ok(match person.consult(client.wallet(), &outcome).await? {
        Next::Over => Paid::Over(outcome),
        Next::Again => Paid::Over(pay_once(client, call).await?),
        Next::Input(input) => Paid::Input(input),
    })
}

/// By a charge: a session lives longer than a call of MCP, and no server sells one there.
async fn pay_once(client: &PayingClient, call: &Call<'_>) -> Result<Outcome, String> {
    let request = call.request(&call.connection.place.url)?;
    let order = Order { by: By::Charge, ..Order::default() };
    let paid = client.pay_over_exchange(call, request, &order).await;
    match (paid, call.hindrance()) {
        (Ok(Outcome::NoOffer { .. }), Some(sentence)) => Ok(Outcome::NoOffer { reasons: vec![sentence.to_owned()] }),
        (paid, _) => paid.map_err(|error| plain(&error.to_string())),
    }
}

fn upstream(person: &Person<'_>) -> Upstream {
    let context = person.context;
    Upstream { peer: context.peer.clone(), progress: context.meta.get_progress_token(), cancelled: context.ct.clone() }
}
