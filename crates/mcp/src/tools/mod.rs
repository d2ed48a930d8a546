//! The wallet's own tools, one file each: what it says of itself to a model, and what it does.

mod approvals;
mod fetch;
mod history;
mod on_chains;
mod preview;
mod request;
mod wallet;

use rmcp::model::{CallToolResponse, JsonObject, Tool};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Server;
use crate::approval::Person;
use crate::summary::failed;

pub use on_chains::{Held, OnChains};

/// Every tool, in the order in which a model sees them.
pub(crate) fn all() -> Vec<Tool> {
    vec![fetch::tool(), preview::tool(), wallet::tool(), history::tool(), approvals::tool()]
}

/// Runs a tool; `None` where there is none of that name.
pub(crate) async fn call(
    server: &Server,
    person: &Person<'_>,
    name: &str,
    arguments: JsonObject,
) -> Option<CallToolResponse> {
    let result = match name {
        fetch::NAME => run(arguments, async |asked| fetch::run(server, person, asked).await).await,
        preview::NAME => run(arguments, async |asked| preview::run(server, asked).await).await,
        wallet::NAME => run(arguments, async |_: wallet::Nothing| wallet::run(server).await).await,
        history::NAME => run(arguments, async |asked| history::run(server, asked).await).await,
        approvals::NAME => run(arguments, async |_: wallet::Nothing| approvals::run(server).await).await,
        _ => return None,
    };
    Some(result)
}

/// Reads the arguments and does the work. What goes wrong is told to the model, which can mend its call.
async fn run<T: DeserializeOwned, R: Into<CallToolResponse>>(
    arguments: JsonObject,
    work: impl AsyncFnOnce(T) -> Result<R, String>,
) -> CallToolResponse {
    let read = serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("wrong arguments: {error}"));
    let result = match read {
        Ok(asked) => work(asked).await.map(Into::into),
        Err(sentence) => Err(sentence),
    };
    result.unwrap_or_else(|sentence| failed(&sentence).into())
}

/// A schema written out; a tool whose schema is no object has none.
fn schema(schema: Value) -> JsonObject {
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests;
