//! Serves a shim in front of a node until it is killed: `tempo-shim NODE_URL`. Prints its own address as a line.

use farthing_testing_rpc::shim::Shim;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = std::env::args().nth(1).ok_or("usage: tempo-shim NODE_URL")?;
    let shim = Shim::start(&node).await?;
    println!("{}", shim.url());
    std::future::pending().await
}
