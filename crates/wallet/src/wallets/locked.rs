use farthing_money::Price;

use super::{WalletName, Wallets, WalletsError};
use crate::sessions::{KeptSession, SessionState, Sessions};

impl Wallets {
    /// The sessions of a wallet, the newest first, without opening its keys.
    pub async fn sessions(&self, name: &WalletName) -> Result<Vec<KeptSession>, WalletsError> {
        self.key_in_use(name)?;
        let sessions = match &self.fleet {
            Some(fleet) => fleet.sessions()?,
            None if !self.home.join("sessions.db").exists() => return Ok(Vec::new()),
            None => Sessions::open(&self.home)?,
        };
        Ok(sessions.of_wallet(name.as_str()).await?)
    }

    /// What lies unspent in sessions of a wallet, by currency.
    pub async fn locked(&self, name: &WalletName) -> Result<Vec<Price>, WalletsError> {
        let mut locked: Vec<Price> = Vec::new();
        let sessions = self.sessions(name).await?;
        for price in sessions.iter().filter(|session| session.state != SessionState::Closed).map(KeptSession::locked) {
            match locked.iter_mut().find(|known| known.currency() == price.currency()) {
                Some(known) => {
                    let sum = known.millionths().saturating_add(price.millionths());
                    *known = Price::from_millionths(sum, price.currency());
                }
                None => locked.push(price),
            }
        }
        Ok(locked)
    }
}
