use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use http::StatusCode;
use tokio::time::sleep_until;

use crate::connection::{Charge, Connection};
use crate::latency::{Figures, Sample};

/// One request to send.
pub(crate) struct Shot {
    /// Its place among all requests.
    pub(crate) number: usize,
    pub(crate) charge: Charge,
}

/// When a request is due.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as its connection is free.
    Flat,
    /// At even distances from the start.
    Even(Duration),
}

impl Pace {
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        per_second.filter(|rate| *rate > 0).map_or(Self::Flat, |rate| Self::Even(Duration::from_secs(1) / rate))
    }

    /// A late request counts from when it was due, so that a stalled server cannot hide the wait it caused.
    fn due(self, start: Instant, number: usize) -> Instant {
        match self {
            Self::Flat => Instant::now(),
            Self::Even(distance) => start + distance.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)),
        }
    }
}

/// Sends everything, each connection one request at a time, and measures.
pub(crate) async fn fire(
    connections: Vec<Connection>,
    magazines: Vec<Vec<Shot>>,
    pace: Pace,
    expected: Option<&str>,
) -> anyhow::Result<Figures> {
    let start = Instant::now();
    let volleys = connections
        .into_iter()
        .zip(magazines)
        .map(|(connection, shots)| empty(connection, shots, start, pace, expected));
    let samples = try_join_all(volleys).await?;
    Ok(Figures::of(samples.into_iter().flatten().collect(), start.elapsed()))
}

async fn empty(
    mut connection: Connection,
    shots: Vec<Shot>,
    start: Instant,
    pace: Pace,
    expected: Option<&str>,
) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::with_capacity(shots.len());
    for shot in shots {
        let due = pace.due(start, shot.number);
        sleep_until(due.into()).await;
        let status: StatusCode = connection.fetch(shot.charge, expected).await?;
        samples.push(Sample { took: due.elapsed(), status: status.as_u16() });
    }
    Ok(samples)
}
