//! What prepaid balances read. Any bytes come to a value that can be written and read again, or to a refusal.

use farthing_protocol::json::parse_object;
use farthing_protocol::{ChargeRequest, EncodedObject};
use farthing_rail_balance::{BalanceRequest, PayerKey, SessionRequest, TopUpDetails};

/// Prepaid balances: requests of charges, sessions and top-ups, and payers' names.
pub fn read(data: &[u8]) {
    if let Ok(payer) = String::from_utf8_lossy(data).parse::<PayerKey>() {
        assert_eq!(payer.to_string().parse(), Ok(payer));
    }
    let Ok(object) = parse_object(data) else { return };
    let Ok(request) = ChargeRequest::from_object(&object) else { return };
    if let Ok(read) = BalanceRequest::from_shared(&request) {
        assert_eq!(BalanceRequest::from_shared(&read.to_shared(None, None)), Ok(read));
    }
    if let Ok(encoded) = EncodedObject::encode(&object)
        && let Ok(read) = SessionRequest::read(&encoded)
    {
        let again = EncodedObject::encode(&read.to_object(None)).expect("what was read can be written");
        assert_eq!(SessionRequest::read(&again), Ok(read));
    }
    let _ = TopUpDetails::read(&request);
}
