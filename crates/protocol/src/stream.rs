//! WebSocket frames and server-sent events of a paid stream (checklist T-01 to T-09).
//!
//! What is not a well-formed frame of this protocol is application data, never an error: a paid
//! stream carries the application's own messages beside ours.

mod events;
mod frames;
mod sieve;

pub use events::{Event, EventReader, is_event_stream};
pub use frames::Frame;
pub use sieve::{EventSieve, Sieved};

use serde_json::Value;

use crate::{ChallengeId, JsonObject, MethodName, Timestamp};

/// WebSocket close code: the stream ended as it should.
pub const CLOSE_NORMAL: u16 = 1000;
/// WebSocket close code: a refused credential, another price, too many payment frames.
pub const CLOSE_POLICY: u16 = 1008;
/// WebSocket close code: the server's own fault.
pub const CLOSE_SERVER_FAILURE: u16 = 1011;
/// WebSocket close code: the client saw the server break the protocol.
pub const CLOSE_PROTOCOL_ERROR: u16 = 3008;
/// How many payment frames a server queues before it answers 429 and closes.
pub const MOST_QUEUED_FRAMES: usize = 32;

/// A receipt inside a stream. It may come any number of times, so the rule that binds the
/// `Payment-Receipt` header to a success status does not concern it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionReceipt {
    object: JsonObject,
    challenge_id: ChallengeId,
    timestamp: Timestamp,
}

/// The channel needs a higher voucher before the stream goes on. Amounts are base units as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedVoucher {
    /// Which channel.
    pub channel_id: String,
    /// What must be signed for in all.
    pub required_cumulative: String,
    /// What has been signed for in all.
    pub accepted_cumulative: String,
    /// What the channel holds.
    pub deposit: String,
}

impl SessionReceipt {
    /// Reads one; nothing when a required member is missing or of another type.
    pub fn from_object(object: JsonObject) -> Option<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        for name in ["reference", "channelId", "acceptedCumulative", "spent"] {
            text(name)?;
        }
        MethodName::read(text("method")?).ok()?;
        let fixed = text("intent")? == "session" && text("status")? == "success";
        let optional =
            object.get("units").is_none_or(Value::is_number) && object.get("txHash").is_none_or(Value::is_string);
        let challenge_id = ChallengeId::read(text("challengeId")?).ok()?;
        let timestamp = Timestamp::parse(text("timestamp")?).ok()?;
        (fixed && optional).then_some(Self { object, challenge_id, timestamp })
    }

    /// The challenge it answers.
    pub fn challenge_id(&self) -> &ChallengeId {
        &self.challenge_id
    }

    /// When it was made.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// All of it, unknown members included. Sensitive.
    pub fn object(&self) -> &JsonObject {
        &self.object
    }
}

impl std::fmt::Debug for SessionReceipt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SessionReceipt(..)")
    }
}

impl NeedVoucher {
    fn from_object(object: &JsonObject) -> Option<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            channel_id: text("channelId")?,
            required_cumulative: text("requiredCumulative")?,
            accepted_cumulative: text("acceptedCumulative")?,
            deposit: text("deposit")?,
        })
    }

    fn to_value(&self) -> Value {
        serde_json::json!({
            "channelId": self.channel_id,
            "requiredCumulative": self.required_cumulative,
            "acceptedCumulative": self.accepted_cumulative,
            "deposit": self.deposit,
        })
    }
}
