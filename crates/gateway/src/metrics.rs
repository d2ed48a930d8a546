//! What the gateway counts. Labels come from the configuration and from fixed lists, never from
//! requests, so that no client can make the metrics grow.

use std::sync::Arc;

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// The registry of one gateway.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    /// Requests that reached no route.
    pub(crate) unmatched: Counter,
    /// Payments between claim and close.
    pub(crate) in_flight: Gauge,
    /// Payments that a resolver found settled, rejected or to be paid back.
    pub(crate) resolved: Counter,
    /// Payments that a rail took back.
    pub(crate) reversed: Counter,
    /// Movements that no payment explains, at the last reconciliation.
    pub(crate) suspended: Gauge,
    /// Payments that no statement has shown, at the last reconciliation.
    pub(crate) not_seen: Gauge,
    /// Commands that the books did not take.
    pub(crate) store_errors: Counter,
    /// How far this machine's clock is ahead of that of the server with the books, in seconds.
    pub(crate) clock_ahead: Gauge,
}

/// What one route counts.
#[derive(Clone)]
pub(crate) struct RouteMeters {
    pub(crate) free: Counter,
    pub(crate) quotes: Counter,
    pub(crate) delivered: Counter,
    pub(crate) entitled: Counter,
    pub(crate) replayed: Counter,
    pub(crate) refused: Counter,
    pub(crate) rejected: Counter,
    pub(crate) unknown: Counter,
    pub(crate) insufficient: Counter,
    pub(crate) settle_seconds: Histogram,
    pub(crate) upstream_seconds: Histogram,
}

/// What the sessions of one rail come to; amounts in what the asset counts, such as dollars.
pub(crate) struct SessionMeters {
    /// Those that have not ended.
    pub(crate) open: Gauge,
    /// Delivered or promised, and not collected.
    pub(crate) unsettled: Gauge,
    /// The same of the payer with the most.
    pub(crate) highest: Gauge,
}

const METADATA: Metadata<'static> = Metadata::new("farthing", Level::INFO, None);
const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Metrics {
    /// An empty registry.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new().set_buckets(SECONDS)?.build_recorder();
        let counter = |name: &'static str| recorder.register_counter(&Key::from_static_name(name), &METADATA);
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        Ok(Self {
            unmatched: counter("farthing_unmatched_requests_total"),
            resolved: counter("farthing_resolved_payments_total"),
            reversed: counter("farthing_reversed_payments_total"),
            suspended: gauge("farthing_suspended_movements"),
            not_seen: gauge("farthing_payments_not_seen"),
            store_errors: counter("farthing_store_errors_total"),
            clock_ahead: gauge("farthing_clock_ahead_seconds"),
            in_flight: gauge("farthing_payments_in_flight"),
            handle: recorder.handle(),
            recorder: Arc::new(recorder),
        })
    }

    /// The meters of a route; the same ones for the same name, also after a reload.
    pub(crate) fn route(&self, name: &str) -> RouteMeters {
        let label = || Label::new("route", name.to_owned());
        let counter =
            |metric: &'static str| self.recorder.register_counter(&Key::from_parts(metric, vec![label()]), &METADATA);
        let payments = |outcome: &'static str| {
            let labels = vec![label(), Label::from_static_parts("outcome", outcome)];
            self.recorder.register_counter(&Key::from_parts("farthing_payments_total", labels), &METADATA)
        };
        let seconds =
            |metric: &'static str| self.recorder.register_histogram(&Key::from_parts(metric, vec![label()]), &METADATA);
        RouteMeters {
            free: counter("farthing_free_requests_total"),
            quotes: counter("farthing_quotes_total"),
            delivered: payments("delivered"),
            entitled: payments("entitled"),
            replayed: payments("replayed"),
            refused: payments("refused"),
            rejected: payments("rejected"),
            unknown: payments("unknown"),
            insufficient: payments("insufficient"),
            settle_seconds: seconds("farthing_settle_seconds"),
            upstream_seconds: seconds("farthing_upstream_seconds"),
        }
    }

    /// The meters of a rail's sessions.
    pub(crate) fn sessions(&self, rail: &str) -> SessionMeters {
        let gauge = |metric: &'static str| {
            let key = Key::from_parts(metric, vec![Label::new("rail", rail.to_owned())]);
            self.recorder.register_gauge(&key, &METADATA)
        };
        SessionMeters {
            open: gauge("farthing_sessions_open"),
            unsettled: gauge("farthing_session_unsettled"),
            highest: gauge("farthing_session_unsettled_highest_payer"),
        }
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
