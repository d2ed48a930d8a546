//! Where a stream comes from, and what is read of it.

use farthing_protocol::stream::{Event, EventReader, EventSieve, NeedVoucher, SessionReceipt, Sieved, is_event_stream};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::Response;

use super::socket::{Said, SocketTransport};

/// The longest event that is read, in bytes; a longer one is left out.
const LONGEST_EVENT: usize = 4 * 1024 * 1024;

/// Where it comes from.
pub(super) enum Source {
    /// Server-sent events.
    Events(Response, EventReader),
    /// The same, as they came.
    PassedOn(Response, EventSieve),
    /// An answer that is no stream of events: its bytes come out as they are.
    Bytes(Response),
    /// Frames of a socket.
    Socket(SocketTransport),
    /// It is not read on.
    Nothing,
}

/// What was read.
pub(super) enum Read {
    Items(Vec<Item>),
    Refused(u16, String),
    /// The end, with what it came to if the stream says.
    Over(Option<Box<SessionReceipt>>),
}

/// One thing of a stream.
pub(super) enum Item {
    Bought(Vec<u8>),
    /// To be passed on, and nothing that was bought.
    Aside(Vec<u8>),
    NeedVoucher(NeedVoucher),
    Receipt(SessionReceipt),
}

/// Whether an answer is a stream of events that can be read.
pub(in crate::client) fn is_of_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    is_event_stream(kind) && !headers.contains_key(CONTENT_ENCODING)
}

impl Source {
    pub(super) fn of(response: Response) -> Self {
        match is_of_events(response.headers()) {
            true => Self::Events(response, EventReader::new(LONGEST_EVENT)),
            false => Self::Bytes(response),
        }
    }

    pub(super) fn passed_on(response: Response) -> Self {
        Self::PassedOn(response, EventSieve::default())
    }

    pub(super) async fn read(&mut self) -> reqwest::Result<Read> {
        Ok(match self {
            Self::Nothing => Read::Over(None),
            Self::Bytes(response) => match response.chunk().await? {
                Some(bytes) => Read::Items(vec![Item::Bought(bytes.to_vec())]),
                None => Read::Over(None),
            },
            Self::Events(response, reader) => match response.chunk().await? {
                Some(bytes) => Read::Items(reader.push(&bytes).into_iter().filter_map(Item::of).collect()),
                None => Read::Over(None),
            },
            Self::PassedOn(response, sieve) => match response.chunk().await? {
                Some(bytes) => Read::Items(sieve.push(&bytes).into_iter().filter_map(Item::of_sieve).collect()),
                None => match sieve.rest() {
                    rest if rest.is_empty() => Read::Over(None),
                    rest => Read::Items(vec![Item::Aside(rest)]),
                },
            },
            Self::Socket(socket) => match socket.next().await {
                Some(Said::Event(event)) => Read::Items(Item::of(event).into_iter().collect()),
                Some(Said::Refused(status, message)) => Read::Refused(status, message),
                Some(Said::Over(receipt)) => Read::Over(Some(receipt)),
                None => Read::Over(None),
            },
        })
    }
}

impl Item {
    fn of(event: Event) -> Option<Self> {
        match event {
            Event::Message(data) => Some(Self::Bought(data.into_bytes())),
            Event::NeedVoucher(need) => Some(Self::NeedVoucher(need)),
            Event::Receipt(receipt) => Some(Self::Receipt(receipt)),
            _ => None,
        }
    }

    fn of_sieve(sieved: Sieved) -> Option<Self> {
        match sieved {
            Sieved::Message(bytes) => Some(Self::Bought(bytes)),
            Sieved::Aside(bytes) => Some(Self::Aside(bytes)),
            Sieved::Payment(event) => Self::of(event),
            _ => None,
        }
    }
}
