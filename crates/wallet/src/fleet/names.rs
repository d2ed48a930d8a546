//! Whose name is whose: a wallet has the same keys on every machine, and one owner signs for all of them.

use farthing_keys::{KeyFile, OwnerPublic};
use farthing_store::StoreError;
use rusqlite::params;

use super::Fleet;
use crate::WalletName;
use crate::wallets::WalletsError;

impl Fleet {
    /// The owner of the wallets here; nothing before the first wallet.
    pub(crate) fn owner(&self) -> Result<Option<OwnerPublic>, WalletsError> {
        let sql = "SELECT public_key FROM wallet_owner";
        let found = self.tables()?.look_now(move |tables| tables.one(sql, &[], |row| row.get::<String>(0)));
        Ok(found.map_err(|error: StoreError| error)?.and_then(|hex| OwnerPublic::from_hex(&hex)))
    }

    /// Makes a wallet's name stand for these keys, and for their owner; an error where it stands for others.
    pub(crate) fn enter(&self, name: &WalletName, file: &KeyFile) -> Result<(), WalletsError> {
        let key = file.address().map_or_else(|| file.did().map(str::to_owned), |address| Ok(address.to_owned()))?;
        let owner = file.owner()?.ok_or(WalletsError::NoOwner)?;
        let (entered, own) = (name.to_string(), key.clone());
        let found = self.tables()?.change_now(move |tables| {
            let known = "SELECT public_key FROM wallet_owner";
            match tables.one(known, &[], |row| row.get::<String>(0))? {
                Some(known) if known != owner.to_hex() => return Ok((Some(known), None)),
                Some(_) => {}
                None => {
                    let first = "INSERT INTO wallet_owner (id, public_key) VALUES (1, ?1)";
                    tables.execute(first, params![owner.to_hex()])?;
                }
            }
            let enter = "INSERT INTO wallet_names (name, key) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
            tables.execute(enter, params![entered, own])?;
            let key = "SELECT key FROM wallet_names WHERE name = ?1";
            Ok::<_, StoreError>((None, tables.one(key, params![entered], |row| row.get::<String>(0))?))
        })?;
        match found {
            (Some(known), _) => Err(WalletsError::OtherOwner { owner: known }),
            (_, Some(known)) if known != key => Err(WalletsError::OtherKeys { wallet: name.clone(), key: known }),
            _ => Ok(()),
        }
    }
}
