//! What the facilitator counts. Labels come from the configuration and from fixed lists, never from
//! requests, so that no caller can make the metrics grow.

use std::sync::Arc;

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// The registry of one facilitator.
#[derive(Clone)]
pub(crate) struct Meters {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    pub(crate) verify_seconds: Histogram,
    pub(crate) settle_seconds: Histogram,
    /// Payments between the register and their end.
    pub(crate) in_flight: Gauge,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The payment is good, or moved.
    Good,
    /// It is not.
    Refused,
    /// It cannot be said.
    Unknown,
    /// The request was not looked at: unreadable, a stranger's, too many.
    Dismissed,
}

const METADATA: Metadata<'static> = Metadata::new("farthing", Level::INFO, None);
const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Meters {
    /// An empty registry.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(SECONDS)?.build_recorder();
        let histogram = |name: &'static str| recorder.register_histogram(&Key::from_static_name(name), &METADATA);
        Ok(Self {
            verify_seconds: histogram("farthing_facilitator_verify_seconds"),
            settle_seconds: histogram("farthing_facilitator_settle_seconds"),
            in_flight: recorder
                .register_gauge(&Key::from_static_name("farthing_facilitator_payments_in_flight"), &METADATA),
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        })
    }

    /// The counter of what became of one caller's requests to a path.
    pub(crate) fn requests(&self, caller: &str, path: &'static str, fate: Fate) -> Counter {
        let fate = match fate {
            Fate::Good => "good",
            Fate::Refused => "refused",
            Fate::Unknown => "unknown",
            Fate::Dismissed => "dismissed",
        };
        let labels = vec![
            Label::new("caller", caller.to_owned()),
            Label::from_static_parts("path", path),
            Label::from_static_parts("fate", fate),
        ];
        self.recorder.register_counter(&Key::from_parts("farthing_facilitator_requests_total", labels), &METADATA)
    }

    /// The Prometheus text.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Empties the histograms' buffers into their buckets; called from time to time.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}
