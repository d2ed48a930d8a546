//! What a payment costs as everything around it grows: connections, routes, nodes, payers, and the books.

use std::fmt::Write as _;
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use farthing_testing_postgres::Cluster;
use serde::Serialize;
use serde_json::json;

use super::load::{Run, Volley, payer_of, volley};
use super::probes::{fsync_floor, load_average};
use super::servers::{Binaries, DURABLE, gateway_on, upstream};
use super::{BALANCE, CONNECTIONS, Effort, PAYER_SEED, SERVER_CORE, curves};
use crate::commands::{Run as _, cargo, program};
use crate::gateway::Gateway;
use crate::{tools, workspace};

const MOST_PAYERS: u32 = 1_000_000;

/// How cost grows with one thing.
#[derive(Serialize)]
pub(super) struct Curve {
    pub(super) of: &'static str,
    /// What stands below the plot and in the table: what else is true of each point.
    note: &'static str,
    pub(super) points: Vec<Point>,
}

/// One measurement.
#[derive(Serialize)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) per_second: f64,
    pub(super) p99_ms: f64,
    pub(super) processor_us: f64,
    /// What the disk made durable a second, just before.
    floor: f64,
}

/// Measures, and writes `bench/growth.md` with its plot and its figures.
pub(super) fn run(effort: &Effort) -> anyhow::Result<()> {
    tools::measuring()?;
    let binaries = if effort.no_build { Binaries::as_built()? } else { Binaries::build()? };
    let neighbours = load_average()?;
    let folder = tempfile::tempdir()?;
    let upstream = upstream(folder.path())?;
    let bench = Growth { binaries: &binaries, upstream: upstream.address(), seconds: effort.seconds };
    let mut measured = vec![bench.connections()?, bench.routes()?, bench.nodes()?];
    measured.extend(books(effort.rows)?);
    let text = page(&measured, neighbours)?;
    println!("\n{text}");
    if effort.dry_run {
        return Ok(());
    }
    let to = workspace::root().join("bench");
    std::fs::write(to.join("growth.md"), text)?;
    std::fs::write(to.join("growth.svg"), curves::draw(&measured))?;
    let raw = json!({ "seconds": effort.seconds, "neighbours": neighbours, "curves": measured });
    std::fs::write(to.join("growth.json"), format!("{}\n", serde_json::to_string_pretty(&raw)?))?;
    println!("written: bench/growth.md, bench/growth.svg, bench/growth.json");
    Ok(())
}

struct Growth<'a> {
    binaries: &'a Binaries,
    upstream: &'a str,
    seconds: u32,
}

impl Growth<'_> {
    fn connections(&self) -> anyhow::Result<Curve> {
        let gateway = self.gateway(1)?;
        let mut points = Vec::new();
        for connections in [1, 4, 16, 64, 256, 1_024, 4_096] {
            let a_second = if connections < 16 { 1_000 * connections } else { 6_000 };
            let shots = (connections, (a_second * self.seconds).max(2 * connections));
            points.push(self.point("connections", connections, &gateway, &gateway.url("/route/0"), shots)?);
        }
        gateway.stop_and_verify(&self.binaries.farthing)?;
        Ok(Curve { of: "connections", note: "one gateway, one route, books in a file", points })
    }

    fn routes(&self) -> anyhow::Result<Curve> {
        let mut points = Vec::new();
        for routes in [1, 10, 100, 1_000, 10_000] {
            let gateway = self.gateway(routes)?;
            let (url, shots) = (gateway.url(&format!("/route/{}", routes - 1)), (CONNECTIONS, 6_000 * self.seconds));
            points.push(self.point("routes", routes, &gateway, &url, shots)?);
            gateway.stop_and_verify(&self.binaries.farthing)?;
        }
        Ok(Curve { of: "routes", note: "64 connections, the last route of the configuration", points })
    }

    /// Gateways on one PostgreSQL, 64 connections to each, everything on the same two cores.
    fn nodes(&self) -> anyhow::Result<Curve> {
        let mut points = Vec::new();
        for nodes in [1, 2, 4] {
            let cluster = Cluster::start_with(DURABLE)?;
            let (address, routes) = (cluster.address(), self.routes_of(1));
            let gateways: Vec<Gateway> =
                (0..nodes).map(|_| gateway_on(self.binaries, &address, &routes)).collect::<Result<_, _>>()?;
            let first = gateways.first().context("a gateway")?;
            first.grant(&payer_of(self.binaries, PAYER_SEED)?, BALANCE)?;
            let floor = fsync_floor(first.folder()?)?.per_second;
            let runs = thread::scope(|scope| {
                let running: Vec<_> = gateways
                    .iter()
                    .map(|gateway| {
                        scope.spawn(|| {
                            self.fire(gateway, &gateway.url("/route/0"), (CONNECTIONS, 3_000 * self.seconds / nodes))
                        })
                    })
                    .collect();
                let ended = running.into_iter().map(|run| run.join().map_err(|_| anyhow!("a load ended early"))?);
                ended.collect::<anyhow::Result<Vec<Run>>>()
            })?;
            let mean = |figure: fn(&Run) -> f64| runs.iter().map(figure).sum::<f64>() / f64::from(nodes);
            points.push(Point {
                at: f64::from(nodes),
                per_second: mean(|run| run.per_second) * f64::from(nodes),
                p99_ms: runs.iter().map(|run| run.p99_ms).fold(0.0, f64::max),
                processor_us: mean(|run| run.processor_us),
                floor,
            });
            for gateway in gateways {
                gateway.stop_and_verify(&self.binaries.farthing)?;
            }
        }
        Ok(Curve { of: "nodes", note: "gateways on one PostgreSQL and one merchant, 64 connections to each", points })
    }

    fn gateway(&self, routes: u32) -> anyhow::Result<Gateway> {
        let gateway =
            Gateway::start(&["taskset", "--cpu-list", SERVER_CORE], &self.binaries.farthing, &self.routes_of(routes))?;
        gateway.grant(&payer_of(self.binaries, PAYER_SEED)?, BALANCE)?;
        Ok(gateway)
    }

    fn routes_of(&self, number: u32) -> String {
        (0..number).fold(String::new(), |mut routes, number| {
            let _ = write!(
                routes,
                "[[route]]\nmatch = \"GET /route/{number}\"\nupstream = \"http://{}\"\nprice = \"0.001 USD\"\n\
                 accept = [\"balance/charge\"]\n\n",
                self.upstream
            );
            routes
        })
    }

    fn point(&self, of: &str, at: u32, gateway: &Gateway, url: &str, shots: (u32, u32)) -> anyhow::Result<Point> {
        let floor = fsync_floor(gateway.folder()?)?.per_second;
        let run = self.fire(gateway, url, shots)?;
        println!("{at:>9} {of}: {:.0}/s, p99 {:.2} ms, {:.1} us", run.per_second, run.p99_ms, run.processor_us);
        let Run { per_second, p99_ms, processor_us, .. } = run;
        Ok(Point { at: f64::from(at), per_second, p99_ms, processor_us, floor })
    }

    fn fire(&self, gateway: &Gateway, url: &str, (connections, count): (u32, u32)) -> anyhow::Result<Run> {
        let payer = Some((PAYER_SEED, "charge"));
        volley(self.binaries, &Volley { url, count, connections, rate: None, payer }, gateway.process_id())
    }
}

/// What the books alone need, with the rows they hold and the payers they know: `crates/store/benches/growth.rs`.
fn books(rows: u32) -> anyhow::Result<[Curve; 2]> {
    let output = cargo(["bench", "--quiet", "--package", "farthing-store", "--bench", "growth", "--"])
        .args(["--rows", &rows.to_string(), "--payers", &MOST_PAYERS.to_string()])
        .env("CARGO_PROFILE_BENCH_LTO", "off")
        .env("CARGO_PROFILE_BENCH_CODEGEN_UNITS", "16")
        .output_text()?;
    let (transfers, payers) = output.split_once("payers").context("the bench prints two tables")?;
    let points =
        |table: &str| table.lines().filter_map(|line| point_of(line).transpose()).collect::<anyhow::Result<_>>();
    let (by_rows, by_payers): (Vec<Point>, Vec<Point>) = (points(transfers)?, points(payers)?);
    ensure!(!by_rows.is_empty() && !by_payers.is_empty(), "the bench printed no figures: {output}");
    Ok([
        Curve { of: "payers", note: "the books alone, 64 calls at once", points: by_payers },
        Curve {
            of: "transfers in the books",
            note: "the books alone, 64 calls at once; generated rows",
            points: by_rows,
        },
    ])
}

/// A line of the bench: how many, file size, fsync floor, payments a second, processor time, p50, p99.
fn point_of(line: &str) -> anyhow::Result<Option<Point>> {
    let numbers: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let &[at, _, floor, per_second, processor_us, _, p99_ms] = numbers.as_slice() else {
        ensure!(numbers.is_empty(), "not a line of the bench: {line}");
        return Ok(None);
    };
    Ok(Some(Point { at, per_second, p99_ms, processor_us, floor }))
}

fn page(curves: &[Curve], neighbours: f64) -> anyhow::Result<String> {
    let date = program("date", ["+%Y-%m-%d"]).output_text()?;
    let mut page = format!(
        "# How a payment's cost grows\n\nWritten by `cargo xtask bench --only growth` on {}; load average before the run: \
         {neighbours:.1}. Paid and durable requests, out of a balance. Gateways share one core, load and upstream the \
         other, PostgreSQL has both. A rate says something only beside what the disk made durable a second just before; \
         the processor time of the gateway (of the books, where they are measured alone) hardly depends on it.\n\n\
         ![Payments a second, p99 and processor time as each grows](growth.svg)\n",
        date.trim()
    );
    for curve in curves {
        let _ = write!(
            page,
            "\n## {}\n\n{}.\n\n| {} | payments/s | p99 ms | CPU us/payment | disk alone, fsync/s |\n|--:|--:|--:|--:|--:|\n",
            title(curve.of),
            title(curve.note),
            curve.of
        );
        for point in &curve.points {
            let Point { at, per_second, p99_ms, processor_us, floor } = point;
            let _ = writeln!(page, "| {at:.0} | {per_second:.0} | {p99_ms:.1} | {processor_us:.0} | {floor:.0} |");
        }
    }
    Ok(page)
}

fn title(of: &str) -> String {
    let mut letters = of.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_the_bench_and_skips_its_heading() {
        let point =
            point_of("     10000         68       2898      19527              45     3.02     9.15").unwrap().unwrap();
        assert!((point.at - 10_000.0).abs() < 1e-9 && (point.p99_ms - 9.15).abs() < 1e-9);
        assert!(point_of(" transfers    file MB    fsync/s").unwrap().is_none());
        assert!(point_of("1 2 3").is_err());
    }
}
