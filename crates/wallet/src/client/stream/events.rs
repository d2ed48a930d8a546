//! Server-sent events as they come, and which of them are about money.

use farthing_money::Amount;
use farthing_protocol::{JsonObject, Receipt};

use crate::client::session::word::amount;

/// The longest event that is read; a server that sends a longer one is not read on.
const LONGEST_EVENT: usize = 4 * 1024 * 1024;

/// What a stream asks for before it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NeedVoucher {
    pub(crate) channel: String,
    pub(crate) required: Amount,
}

/// One thing that a stream says.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// What was bought.
    Data(String),
    /// It waits for a higher total.
    NeedVoucher(NeedVoucher),
    /// What came of it all.
    Receipt(Box<Receipt>),
}

/// An event longer than any that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream sends an event of more than {LONGEST_EVENT} bytes")]
pub(crate) struct TooLong;

/// Bytes of a stream on their way to being events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    name: String,
    data: Option<String>,
}

impl Events {
    /// Reads on; what is complete comes back.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            if self.after_cr && byte == b'\n' {
                self.after_cr = false;
                continue;
            }
            self.after_cr = byte == b'\r';
            if byte == b'\n' || byte == b'\r' {
                events.extend(self.end_of_line());
            } else {
                self.line.push(byte);
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > LONGEST_EVENT {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = if self.started { &*text } else { text.trim_start_matches('\u{feff}') };
        self.started = true;
        if line.is_empty() {
            return self.end_of_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }

    fn end_of_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = self.data.take()?;
        match name.as_str() {
            "payment-need-voucher" => need_voucher(&object(&data)?).map(Event::NeedVoucher),
            "payment-receipt" => receipt(object(&data)?).map(|receipt| Event::Receipt(Box::new(receipt))),
            _ => Some(Event::Data(data)),
        }
    }
}

fn object(data: &str) -> Option<JsonObject> {
    farthing_protocol::json::parse_object(data.as_bytes()).ok()
}

/// What is asked for, if every member that it takes is there.
pub(crate) fn need_voucher(object: &JsonObject) -> Option<NeedVoucher> {
    let required = amount(object, "requiredCumulative")?;
    amount(object, "acceptedCumulative")?;
    amount(object, "deposit")?;
    Some(NeedVoucher { channel: object.get("channelId")?.as_str()?.to_owned(), required })
}

/// A receipt of a session, if every member that it takes is there.
pub(crate) fn receipt(object: JsonObject) -> Option<Receipt> {
    let receipt = Receipt::from_object(object).ok()?;
    amount(&receipt.extra, "acceptedCumulative")?;
    amount(&receipt.extra, "spent")?;
    let whole = !receipt.reference.is_empty() && receipt.challenge_id.is_some();
    let named = receipt.extra.get("channelId").is_some_and(serde_json::Value::is_string);
    (whole && named).then_some(receipt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Vec<Event> {
        let whole = Events::default().push(raw.as_bytes()).unwrap();
        let mut events = Events::default();
        let pieces: Vec<Event> = raw.as_bytes().chunks(1).flat_map(|byte| events.push(byte).unwrap()).collect();
        assert_eq!(whole, pieces, "however it is cut");
        whole
    }

    /// Every case of the shared frames of both official SDKs.
    #[test]
    fn what_sdks_send_is_read_as_they_read_it() {
        let text = |raw: &str| match read(raw).remove(0) {
            Event::Data(data) => data,
            other => panic!("{other:?}"),
        };
        assert_eq!(text("event: message\ndata: hello\n\n"), "hello");
        assert_eq!(text("event: message\ndata: first\ndata: \ndata: third\n\n"), "first\n\nthird");
        assert_eq!(text("event: custom\ndata: payload\n\n"), "payload", "an unknown name is a message");
        assert_eq!(text("\u{feff}data:bare\r\n\r\n"), "bare");
        let need = "event: payment-need-voucher\ndata: {\"channelId\":\"0x01\",\"requiredCumulative\":\"200\",\
            \"acceptedCumulative\":\"100\",\"deposit\":\"1000\"}\n\n";
        let expected = NeedVoucher { channel: "0x01".into(), required: Amount::new(200) };
        assert_eq!(read(need), [Event::NeedVoucher(expected)]);
        let receipt = "event: payment-receipt\ndata: {\"method\":\"tempo\",\"intent\":\"session\",\
            \"status\":\"success\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"reference\":\"0x01\",\
            \"challengeId\":\"challenge-1\",\"channelId\":\"0x01\",\"acceptedCumulative\":\"100\",\"spent\":\"50\"}\n\n";
        assert!(matches!(read(receipt).as_slice(), [Event::Receipt(_)]));
        for ignored in [
            "event: payment-receipt\ndata: {\"channelId\":\"0x01\"}\n\n",
            "event: payment-need-voucher\ndata: not json\n\n",
            ": comment only\n\n",
            "",
        ] {
            assert_eq!(read(ignored), [], "{ignored}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_kept_for_ever() {
        let mut events = Events::default();
        let piece = vec![b'a'; 1024 * 1024];
        assert!((0..5).any(|_| events.push(&piece).is_err()));
    }
}
