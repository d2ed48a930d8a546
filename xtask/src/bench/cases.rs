use serde::Serialize;

use super::load::{Run, Volley, volley, wrk};
use super::micro::Micro;
use super::probes::{FsyncFloor, median};
use super::servers::Server;
use super::{Bench, CONNECTIONS, PAYER_SEED};
use crate::gateway::Gateway;

/// One thing that is measured.
pub(super) struct Case {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) measure: fn(&Bench<'_>) -> anyhow::Result<Run>,
}

/// Requests a second for the latency cases: half of the paid throughput aimed at, so that latency is that of a busy
/// gateway and not that of a queue.
const LATENCY_RATE: u32 = 4_000;

/// Paid requests for each second of a case; the number is fixed beforehand because each is signed beforehand. About as
/// many as a server answers, so that a case takes about its seconds.
const PAID_PER_SECOND: u32 = 8_000;
const PAID_ON_POSTGRES: u32 = 4_000;
const PAID_BY_MPP: u32 = 16_000;
const PAID_BY_MPPX: u32 = 2_000;
const PAID_BY_PYMPP: u32 = 1_500;

/// Every case, in the order of a round: those that are compared stand beside each other.
pub(super) const CASES: &[Case] = &[
    Case {
        key: "static",
        title: "nginx, a static file of 1 kB",
        measure: |bench| {
            let nginx = &bench.servers.nginx;
            wrk(&nginx.url("/static"), bench.seconds, nginx.process_id())
        },
    },
    Case {
        key: "challenge",
        title: "farthing, 402 with one challenge",
        measure: |bench| {
            let gateway = &bench.servers.gateway;
            wrk(&gateway.url("/paid"), bench.seconds, gateway.process_id())
        },
    },
    Case {
        key: "mpp_challenge",
        title: "mpp's axum layer, 402 with one challenge",
        measure: |bench| {
            let mpp = &bench.servers.mpp;
            wrk(&mpp.url("/"), bench.seconds, mpp.process_id())
        },
    },
    Case {
        key: "mppx_challenge",
        title: "mppx on node, 402 with one challenge",
        measure: |bench| {
            let mppx = &bench.servers.mppx;
            wrk(&mppx.url("/"), bench.seconds, mppx.process_id())
        },
    },
    Case {
        key: "pympp_challenge",
        title: "pympp on uvicorn, 402 with one challenge",
        measure: |bench| {
            let pympp = &bench.servers.pympp;
            wrk(&pympp.url("/"), bench.seconds, pympp.process_id())
        },
    },
    Case {
        key: "nginx_proxy",
        title: "nginx, reverse proxy",
        measure: |bench| {
            let nginx = &bench.servers.nginx;
            wrk(&nginx.url("/free"), bench.seconds, nginx.process_id())
        },
    },
    Case {
        key: "free",
        title: "farthing, a free route",
        measure: |bench| {
            let gateway = &bench.servers.gateway;
            wrk(&gateway.url("/free"), bench.seconds, gateway.process_id())
        },
    },
    Case {
        key: "paid",
        title: "farthing, paid and durable, at full speed",
        measure: |bench| fire(bench, &bench.servers.gateway, "/paid", PAID_PER_SECOND, None, Some("charge")),
    },
    Case {
        key: "paid_postgres",
        title: "farthing on PostgreSQL, paid and durable, at full speed",
        measure: |bench| fire(bench, &bench.servers.on_postgres, "/paid", PAID_ON_POSTGRES, None, Some("charge")),
    },
    Case {
        key: "mpp_paid",
        title: "mpp's axum layer, paid, in memory, no upstream",
        measure: |bench| buy(bench, &bench.servers.mpp, PAID_BY_MPP),
    },
    Case {
        key: "mppx_paid",
        title: "mppx on node, paid, in memory, no upstream",
        measure: |bench| buy(bench, &bench.servers.mppx, PAID_BY_MPPX),
    },
    Case {
        key: "pympp_paid",
        title: "pympp on uvicorn, paid, in memory, no upstream",
        measure: |bench| buy(bench, &bench.servers.pympp, PAID_BY_PYMPP),
    },
    Case {
        key: "voucher",
        title: "farthing, paid by voucher and durable, at full speed",
        measure: |bench| fire(bench, &bench.servers.gateway, "/session", PAID_PER_SECOND, None, Some("voucher")),
    },
    Case {
        key: "free_paced",
        title: "farthing, a free route, 4,000/s",
        measure: |bench| fire(bench, &bench.servers.gateway, "/free", LATENCY_RATE, Some(LATENCY_RATE), None),
    },
    Case {
        key: "paid_paced",
        title: "farthing, paid and durable, 4,000/s",
        measure: |bench| fire(bench, &bench.servers.gateway, "/paid", LATENCY_RATE, Some(LATENCY_RATE), Some("charge")),
    },
    Case {
        key: "voucher_paced",
        title: "farthing, paid by voucher and durable, 4,000/s",
        measure: |bench| {
            fire(bench, &bench.servers.gateway, "/session", LATENCY_RATE, Some(LATENCY_RATE), Some("voucher"))
        },
    },
];

fn fire(
    bench: &Bench<'_>,
    gateway: &Gateway,
    path: &str,
    per_second: u32,
    rate: Option<u32>,
    by: Option<&str>,
) -> anyhow::Result<Run> {
    let payer = by.map(|by| (PAYER_SEED, by));
    let count = per_second * bench.seconds;
    let shots = Volley { url: &gateway.url(path), count, connections: CONNECTIONS, rate, payer };
    volley(bench.binaries, &shots, gateway.process_id())
}

/// Paid requests to a seller of the official SDKs, as fast as the answers come.
fn buy(bench: &Bench<'_>, seller: &Server, per_second: u32) -> anyhow::Result<Run> {
    let payer = Some((PAYER_SEED, "charge"));
    let count = per_second * bench.seconds;
    let shots = Volley { url: &seller.url("/"), count, connections: CONNECTIONS, rate: None, payer };
    volley(bench.binaries, &shots, seller.process_id())
}

/// Everything that was measured.
#[derive(Serialize)]
pub(super) struct Results {
    pub(super) cases: Vec<Measured>,
    pub(super) micro: Micro,
    /// How fast the disk was, before each measurement.
    pub(super) floors: Vec<FsyncFloor>,
    pub(super) megabytes: f64,
    /// The gateway's memory with ten thousand sessions open.
    pub(super) session_megabytes: f64,
    /// The machine's load average before the run: what else was going on.
    pub(super) neighbours: f64,
}

/// One case with a run for each round.
#[derive(Serialize)]
pub(super) struct Measured {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) runs: Vec<Run>,
}

impl Results {
    pub(super) fn new(micro: Micro, neighbours: f64) -> Self {
        Self { cases: Vec::new(), micro, floors: Vec::new(), megabytes: 0.0, session_megabytes: 0.0, neighbours }
    }

    pub(super) fn add(&mut self, case: &Case, run: Run) {
        match self.cases.iter_mut().find(|measured| measured.key == case.key) {
            Some(measured) => measured.runs.push(run),
            None => self.cases.push(Measured { key: case.key, title: case.title, runs: vec![run] }),
        }
    }

    /// The median run of a case, figure by figure; zeros for a case that was not measured.
    pub(super) fn median(&self, key: &str) -> Run {
        let runs = self.cases.iter().find(|measured| measured.key == key).map_or(&[][..], |measured| &measured.runs);
        let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
        Run {
            per_second: of(|run| run.per_second),
            p50_ms: of(|run| run.p50_ms),
            p99_ms: of(|run| run.p99_ms),
            processor_us: of(|run| run.processor_us),
        }
    }

    /// The median of one comparison within each round: what is measured side by side suffers the same neighbours.
    pub(super) fn median_ratio(&self, above: &str, below: &str) -> f64 {
        let runs = |key: &str| self.cases.iter().find(|measured| measured.key == key).map_or(&[][..], |it| &it.runs);
        let ratios = runs(above).iter().zip(runs(below)).map(|(above, below)| above.per_second / below.per_second);
        median(ratios.collect())
    }
}
