//! Runs the double as a program, until it is stopped. The first argument is where it listens.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use farthing_testing_stripe::Double;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let double = Double::start_at(&address, Arc::new(now)).await?;
    println!("{}", double.url());
    tokio::signal::ctrl_c().await
}

#[expect(clippy::disallowed_methods, reason = "this is the program's one clock")]
fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
