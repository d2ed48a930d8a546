use farthing_money::Price;

use super::{Spending, Used, WalletName, Wallets, WalletsError};
use crate::policy::Counter;
use crate::{Card, Policy};

impl Wallets {
    /// What the wallet has used up so far; nothing for a wallet without a policy.
    pub async fn spending(&self, name: &WalletName) -> Result<Option<Spending>, WalletsError> {
        match self.policy(name)? {
            Some(policy) => self.spending_of(name.as_str(), &policy).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same of one level of limits: a wallet's, or a card's.
    pub(crate) async fn spending_of(&self, level: &str, policy: &Policy) -> Result<Spending, WalletsError> {
        let books = self.budgets()?;
        let used = async |counter: Counter<'_>| -> Result<Used, WalletsError> {
            let counter = books.budget(&counter.key(level)).await?;
            let (spent, reserved) = counter.map_or((0, 0), |counter| (counter.spent, counter.reserved));
            let [spent, reserved] = [spent, reserved].map(|figure| Price::from_millionths(figure, policy.currency));
            Ok(Used { spent, reserved })
        };
        let (total, today) = (used(Counter::Total).await?, used(Counter::Day(self.ambient.now())).await?);
        Ok(Spending { total, today })
    }

    /// The same of a card, in the currency of its own limits.
    pub async fn card_spending(&self, card: &Card) -> Result<Option<Spending>, WalletsError> {
        match &card.policy {
            Some(policy) => self.spending_of(&card.level(), policy).await.map(Some),
            None => Ok(None),
        }
    }
}
