//! Accounts elsewhere whose transactions a process numbers by itself: of those that share the books one has each.

use farthing_rail::Licence;

use crate::chore::Chore;
use crate::{Books, StoreError};

impl Books {
    /// Takes accounts to send from, all or none: [`StoreError::AccountTaken`] names one that another process has. They are
    /// this one's until it closes the books, or is dead. Where it was only thought to be, it takes them again with its
    /// next batch, and if another has one by then, [`Books::writer_ended`]. Books in a file belong to one process.
    pub async fn send_from(&self, accounts: Vec<String>) -> Result<(), StoreError> {
        if accounts.is_empty() {
            return Ok(());
        }
        self.chore(Chore::SendFrom(accounts)).await?;
        Ok(())
    }

    /// What says whether this process may send from them just now: not after others may have taken it for dead. Keeps no
    /// books open.
    pub fn licence(&self) -> Licence {
        let standing = self.standing.clone();
        Licence::while_(move || standing.is_seen())
    }
}
