//! A Tempo chain with a shim before it and an EVM chain with a test USDC, both with the escrows of sessions, for the
//! programs on other SDKs. Prints one line of JSON when all listen, and ends with its standard input.

use alloy_primitives::U256;
use farthing_devnet::{Devnet, Options, RESERVE, Source, contracts};
use farthing_testing_rpc::shim::Shim;
use serde_json::json;

/// The chain id of the EVM chain: nobody's.
const EVM_CHAIN: u64 = 31_337;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source::of_this_process()?.telling(|what| eprintln!("{what}"));
    let tempo = Devnet::start(Options::tempo(source.clone())).await?;
    let shim = Shim::start(tempo.rpc()).await?;
    let evm = Devnet::start(Options::evm(EVM_CHAIN, source)).await?;
    tempo.place_reserve().await?;
    let stream = tempo.deploy(contracts::STREAM_CHANNEL.creation()?).await?;
    let channels = evm.deploy(contracts::EVM_PAYMENT_CHANNEL.creation()?).await?;
    // Whoever has tokens for the first time makes the transaction dear, dearer than some SDKs let it be.
    for escrow in [RESERVE, stream] {
        tempo.fund(escrow, U256::ONE).await?;
    }
    let accounts = tempo.accounts().iter().map(
        |account| json!({ "address": account.address.to_string(), "key": account.publicly_known_key.to_string() }),
    );
    let accounts = accounts.collect::<Vec<_>>();
    let escrows = json!({ "reserve": RESERVE.to_string(), "stream": stream.to_string() });
    let tempo = json!({ "rpc": tempo.rpc(), "shim": shim.url(), "escrows": escrows });
    let evm_says = json!({
        "rpc": evm.rpc(), "token": evm.token().to_string(), "chain": evm.chain_id(), "escrow": channels.to_string(),
    });
    println!("{}", json!({ "tempo": tempo, "evm": evm_says, "accounts": accounts }));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
