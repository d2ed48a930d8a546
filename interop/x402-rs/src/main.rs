//! x402-rs as a buyer, a seller, a facilitator, and as the maker of payments that facilitators are measured with. ../README.md has the calls.

mod buyer;
mod facilitator;
mod payments;
mod seller;

use std::error::Error;

use serde::de::DeserializeOwned;

/// What ends a program here: it says so and stops.
type Failure = Box<dyn Error>;

const USAGE: &str = "usage: peer buyer KEY RPC | seller TERMS | facilitator TERMS | payments TERMS";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    match words.as_slice() {
        ["buyer", key, _rpc] => buyer::run(key).await?,
        ["seller", terms] => seller::run(read(terms)?).await?,
        ["facilitator", terms] => facilitator::run(read(terms)?).await?,
        ["payments", terms] => payments::print(read(terms)?).await?,
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn read<Terms: DeserializeOwned>(terms: &str) -> Result<Terms, Failure> {
    serde_json::from_str(terms).map_err(|error| format!("these terms cannot be read: {error}").into())
}
