use std::fmt;
use std::sync::Arc;

use farthing_protocol::Timestamp;

type Clock = dyn Fn() -> Timestamp + Send + Sync;
type Randomness = dyn Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync;

/// The time of day, from the program that uses this crate, and the system's randomness.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<Clock>,
    randomness: Arc<Randomness>,
}

/// The system gave no random bytes; no key, salt or name can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes; nothing was created or signed")]
pub struct NoRandomness;

impl Ambient {
    /// With this clock.
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let randomness = |bytes: &mut [u8]| aws_lc_rs::rand::fill(bytes).map_err(|_| NoRandomness);
        Self { clock: Arc::new(clock), randomness: Arc::new(randomness) }
    }

    /// The same, with bytes that are not the system's: for simulations, which are made again from a seed. No key that
    /// holds money may come of it.
    #[must_use]
    pub fn with_randomness(self, randomness: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        let randomness = move |bytes: &mut [u8]| {
            randomness(bytes);
            Ok(())
        };
        Self { randomness: Arc::new(randomness), ..self }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Fresh random bytes, fit for keys.
    pub fn random<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], NoRandomness> {
        let mut bytes = [0; LENGTH];
        (self.randomness)(&mut bytes)?;
        Ok(bytes)
    }

    /// A fresh random UUID (version 4).
    pub fn uuid(&self) -> Result<String, NoRandomness> {
        let random = u128::from_be_bytes(self.random()?);
        let versioned = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{versioned:032x}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default().to_owned());
        Ok(parts.join("-"))
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ambient(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        for _ in 0..32 {
            let uuid = ambient.uuid().unwrap();
            let bytes = uuid.as_bytes();
            assert_eq!((uuid.len(), bytes[14], bytes[8]), (36, b'4', b'-'), "{uuid}");
            assert!(b"89ab".contains(&bytes[19]), "{uuid}");
        }
    }
}
