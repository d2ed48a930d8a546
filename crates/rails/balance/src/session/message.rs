use farthing_money::Amount;
use farthing_protocol::Challenge;
use sha2::{Digest as _, Sha256};

use crate::SessionRequest;
use crate::message::{Unsignable, text_of};

/// The first lines of what a payer signs for a session: no other use of the key begins so.
const DEPOSIT: &str = "farthing balance deposit v1";
const VOUCHER: &str = "farthing balance voucher v1";
const CHANNEL: &str = "farthing balance channel v1";

/// The name of the session that a payer opens with this challenge: a hash of whose books, whose money and
/// which challenge, so that a challenge opens one session and a voucher is good for one issuer. `payer` is a did, here
/// and below: nobody need write a key out for every voucher.
pub fn channel_of(request: &SessionRequest, payer: &str, challenge: &Challenge) -> Result<String, Unsignable> {
    let lines = [("issuer", request.issuer.as_str()), ("payer", payer), ("id", challenge.id().as_str())];
    let hash = Sha256::digest(text_of(CHANNEL, &lines)?);
    let mut name = String::with_capacity(66);
    name.push_str("0x");
    for byte in hash {
        name.push_str(&format!("{byte:02x}"));
    }
    Ok(name)
}

/// The bytes that set a part of a balance aside for a session, new or not.
pub fn deposit_message(
    challenge: &Challenge,
    payer: &str,
    channel: &str,
    deposit: Amount,
) -> Result<Vec<u8>, Unsignable> {
    let deposit = deposit.to_string();
    let lines = [
        ("id", challenge.id().as_str()),
        ("realm", challenge.realm().as_str()),
        ("request", challenge.request().as_str()),
        ("payer", payer),
        ("channel", channel),
        ("deposit", &deposit),
    ];
    text_of(DEPOSIT, &lines)
}

/// The bytes of a voucher. It names no challenge: it is good for the session, whatever was asked meanwhile.
pub fn voucher_message(
    request: &SessionRequest,
    payer: &str,
    channel: &str,
    total: Amount,
) -> Result<Vec<u8>, Unsignable> {
    let (currency, total) = (request.currency(), total.to_string());
    let lines = [
        ("issuer", request.issuer.as_str()),
        ("payer", payer),
        ("channel", channel),
        ("currency", &currency),
        ("total", &total),
    ];
    text_of(VOUCHER, &lines)
}
