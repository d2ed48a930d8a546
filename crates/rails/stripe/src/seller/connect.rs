use farthing_money::Amount;

use crate::api::Form;

/// Where the money of a charge goes among the accounts that are connected to a platform. It is the seller's
/// alone: nothing of it stands in a challenge, and nothing a client says changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// The connected account that charges: `Stripe-Account`.
    pub account: Option<String>,
    /// What the platform takes of each charge, at most the charge.
    pub application_fee_amount: Option<Amount>,
    /// The account whose business it is.
    pub on_behalf_of: Option<String>,
    /// Where the money is sent on to.
    pub transfer: Option<Transfer>,
    /// What groups charges and transfers.
    pub transfer_group: Option<String>,
}

/// A share of a charge that Stripe sends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// To which account.
    pub destination: String,
    /// How much, at most the charge; all of it where nothing is said.
    pub amount: Option<Amount>,
}

impl Connect {
    /// Whether anything of a payment goes to another account than the one that is charged for.
    pub(crate) fn is_split(&self) -> bool {
        Self { account: None, ..self.clone() } != Self::default()
    }

    /// Refuses shares that are more than a charge.
    pub(crate) fn fits(&self, amount: Amount) -> Result<(), String> {
        let transferred = self.transfer.as_ref().and_then(|transfer| transfer.amount);
        let shares = [("application_fee_amount", self.application_fee_amount), ("transfer_data.amount", transferred)];
        for (name, share) in shares {
            if share.is_some_and(|share| share > amount) {
                return Err(format!("connect.{name} is more than the charge of {amount}; write at most the price"));
            }
        }
        Ok(())
    }

    /// What it adds to a charge.
    pub(crate) fn put(&self, form: Form) -> Form {
        let text = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
        let transfer = self.transfer.as_ref();
        let share = text(transfer.and_then(|transfer| transfer.amount));
        form.with_some("application_fee_amount", text(self.application_fee_amount).as_deref())
            .with_some("on_behalf_of", self.on_behalf_of.as_deref())
            .with_some("transfer_data[destination]", transfer.map(|transfer| transfer.destination.as_str()))
            .with_some("transfer_data[amount]", share.as_deref())
            .with_some("transfer_group", self.transfer_group.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_at_most_the_charge() {
        let connect = |fee: u128, share: u128| Connect {
            application_fee_amount: Some(Amount::new(fee)),
            transfer: Some(Transfer { destination: "acct_1".into(), amount: Some(Amount::new(share)) }),
            ..Connect::default()
        };
        assert_eq!(connect(500, 0).fits(Amount::new(500)), Ok(()));
        assert!(connect(501, 0).fits(Amount::new(500)).unwrap_err().contains("application_fee_amount"));
        assert!(connect(0, 501).fits(Amount::new(500)).unwrap_err().contains("transfer_data.amount"));
    }

    #[test]
    fn what_is_not_said_is_not_sent() {
        assert_eq!(Connect::default().put(Form::default()), Form::default());
        let all = Connect {
            account: Some("acct_0".into()),
            application_fee_amount: Some(Amount::new(7)),
            on_behalf_of: Some("acct_1".into()),
            transfer: Some(Transfer { destination: "acct_2".into(), amount: None }),
            transfer_group: Some("group".into()),
        };
        let form = all.put(Form::default());
        assert_eq!(
            form.encoded(),
            "application_fee_amount=7&on_behalf_of=acct_1&transfer_data%5Bdestination%5D=acct_2&transfer_group=group"
        );
    }
}
