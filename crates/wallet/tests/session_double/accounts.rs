use std::collections::{BTreeMap, BTreeSet};

use farthing_protocol::ProblemType;
use farthing_rail::{SessionAction, Voucher};

/// The seller's word on its channels, in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) channels: BTreeMap<String, Channel>,
    /// What the payer's balance still holds; nothing for enough.
    pub(crate) balance: Option<u128>,
    /// The additions that were taken, each of which is taken once.
    added: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) deposit: u128,
    pub(crate) accepted: u128,
    pub(crate) spent: u128,
    pub(crate) closed: bool,
}

type Refused = (ProblemType, Option<Channel>);

impl Accounts {
    /// Carries an action out and draws a price, both or neither.
    pub(crate) fn take(&mut self, action: &SessionAction, price: u128) -> Result<Channel, Refused> {
        match action {
            SessionAction::Open(opening) => {
                let (deposit, id) = (opening.deposit.units(), opening.voucher.channel.clone());
                if !self.channels.contains_key(&id) {
                    self.set_aside(deposit)?;
                    self.channels.insert(id.clone(), Channel { id, deposit, ..Channel::default() });
                }
                self.voucher(&opening.voucher, price)
            }
            SessionAction::TopUp(addition) => {
                let key = addition.key.as_str().to_owned();
                if self.added.contains(&key) {
                    let channel = self.channels.get(&addition.channel).cloned();
                    return channel.ok_or((ProblemType::SessionChannelNotFound, None));
                }
                self.set_aside(addition.deposit.units())?;
                let channel = self.channels.get_mut(&addition.channel);
                let channel = channel.ok_or((ProblemType::SessionChannelNotFound, None))?;
                channel.deposit += addition.deposit.units();
                self.added.insert(key);
                Ok(channel.clone())
            }
            SessionAction::Voucher(voucher) => self.voucher(voucher, price),
            SessionAction::Close(voucher) => {
                let channel = self.channel(voucher)?;
                assert!(voucher.cumulative.units() >= channel.spent, "the last voucher is for what was spent");
                channel.closed = true;
                Ok(channel.clone())
            }
        }
    }

    fn set_aside(&mut self, deposit: u128) -> Result<(), Refused> {
        let Some(balance) = &mut self.balance else { return Ok(()) };
        *balance = balance.checked_sub(deposit).ok_or((ProblemType::PaymentInsufficient, None))?;
        Ok(())
    }

    fn channel(&mut self, voucher: &Voucher) -> Result<&mut Channel, Refused> {
        let channel = self.channels.get_mut(&voucher.channel).ok_or((ProblemType::SessionChannelNotFound, None))?;
        if channel.closed { Err((ProblemType::SessionChannelFinalized, None)) } else { Ok(channel) }
    }

    fn voucher(&mut self, voucher: &Voucher, price: u128) -> Result<Channel, Refused> {
        let channel = self.channel(voucher)?;
        let total = voucher.cumulative.units();
        if total > channel.deposit {
            return Err((ProblemType::SessionAmountExceedsDeposit, Some(channel.clone())));
        }
        channel.accepted = channel.accepted.max(total);
        if channel.spent + price > channel.accepted {
            return Err((ProblemType::SessionInsufficientBalance, Some(channel.clone())));
        }
        channel.spent += price;
        Ok(channel.clone())
    }
}
