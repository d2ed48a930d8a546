//! A chain that poses as Base Sepolia, whose accounts let Permit2 move their USDC, for the programs on x402's SDKs.
//! Prints one line of JSON when it listens, and ends with its standard input.

use farthing_devnet::{Devnet, Options, Source};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::of_this_process()?.telling(|what| eprintln!("{what}"));
    let chain = Devnet::start(Options::base_sepolia(source)).await?;
    let mut accounts = Vec::new();
    for account in chain.accounts() {
        chain.approve_permit2(account.address).await?;
        let (address, key) = (account.address.to_string(), account.publicly_known_key.to_string());
        accounts.push(json!({ "address": address, "key": key }));
    }
    println!("{}", json!({ "rpc": chain.rpc(), "token": chain.token().to_string(), "accounts": accounts }));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
