//! The password of a database server: what its address does not say, the environment does, as for other programs that
//! use such a server. On the command line everybody could read it.

use std::fs;
use std::path::PathBuf;

use farthing_store::{Address, Location};

use crate::environment;
use crate::failure::Failure;

/// Adds the password of PGPASSWORD, or of the file that PGPASSFILE names or `~/.pgpass`, where an address says none.
pub(crate) fn add(address: Address) -> Address {
    if let Some(password) = environment::variable("PGPASSWORD") {
        return address.with_password(&password);
    }
    let home = || environment::variable("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
    let passfile = environment::variable("PGPASSFILE").map(PathBuf::from).or_else(home);
    match passfile.and_then(|file| fs::read_to_string(file).ok()) {
        Some(text) => address.with_password_from(&text),
        None => address,
    }
}

/// The same for wherever books are.
pub(crate) fn add_to(place: Location) -> Location {
    match place {
        Location::Server(address) => Location::Server(Box::new(add(*address))),
        file @ Location::File(_) => file,
    }
}

/// Refuses an address on the command line that says its password.
pub(crate) fn must_not_be_in(text: &str) -> Result<(), Failure> {
    match text.parse::<Location>() {
        Ok(Location::Server(address)) if address.has_password() => Err(Failure::wrong_use(
            "whoever lists this machine's processes can read a password on the command line; leave it out and set \
             PGPASSWORD, or write it to the file that PGPASSFILE names",
        )),
        _ => Ok(()),
    }
}
