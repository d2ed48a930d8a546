//! Makes a wallet that spends at most a dollar, and at most a cent at once:
//! `cargo run -p farthing-rails --example wallet -- HOME`

use std::path::Path;

use farthing_rails::wallet::{PassphraseSource, WalletName};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = std::env::args().nth(1).ok_or("say where: wallet HOME")?;
    println!("{}", make(Path::new(&home))?);
    Ok(())
}

/// Who pays, as sellers know it.
pub(crate) fn make(home: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let wallets = farthing_rails::wallets(home)?;
    let agent: WalletName = "agent".parse()?;
    let made = wallets.create(&agent, &PassphraseSource::KeyFile)?;
    let limits = "total = \"1 USD\"\nper_payment = \"0.01 USD\"".parse()?;
    wallets.set_policy(&agent, &limits, &PassphraseSource::KeyFile)?;
    Ok(made.did)
}
