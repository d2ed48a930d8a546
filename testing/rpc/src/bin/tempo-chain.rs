//! A Tempo chain with a shim before it, for the programs on other SDKs. Prints one line of JSON when both listen, and
//! ends with its standard input.

use farthing_devnet::{Devnet, Options, Source};
use farthing_testing_rpc::shim::Shim;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::of_this_process()?.telling(|what| eprintln!("{what}"));
    let chain = Devnet::start(Options::tempo(source)).await?;
    let shim = Shim::start(chain.rpc()).await?;
    let accounts = chain.accounts().iter().map(
        |account| json!({ "address": account.address.to_string(), "key": account.publicly_known_key.to_string() }),
    );
    let accounts = accounts.collect::<Vec<_>>();
    println!("{}", json!({ "node": chain.rpc(), "shim": shim.url(), "accounts": accounts }));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
