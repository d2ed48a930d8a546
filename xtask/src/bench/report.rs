use anyhow::Context as _;
use serde_json::json;

use super::cases::Results;
use super::probes::median;
use super::{Effort, chart};
use crate::commands::{Run as _, program};
use crate::workspace;

/// The report's first part; the figures go where its braces are.
const TEMPLATE: &str = include_str!("report.md");
/// The line that ends this part; what follows it in the report is written by hand and stays.
const END: &str = "<!-- the end of what `cargo xtask bench` writes -->\n";

/// A figure with what it should be.
pub(super) struct Target {
    pub(super) title: &'static str,
    pub(super) measured: f64,
    pub(super) bound: Bound,
    pub(super) unit: &'static str,
}

pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub(super) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(least) => self.measured >= least,
            Bound::AtMost(most) => self.measured <= most,
        }
    }
}

/// Prints the figures, and unless it is a dry run writes them into `bench/`.
pub(super) fn write(results: &Results, profile: Option<&str>, effort: &Effort) -> anyhow::Result<()> {
    let targets = targets(results);
    let text = fill(results, &targets, effort)?;
    println!("\n{}", target_table(&targets));
    if effort.dry_run {
        return Ok(());
    }
    let folder = workspace::root().join("bench");
    let raw = json!({ "rounds": effort.rounds, "seconds": effort.seconds, "results": results });
    let page = std::fs::read_to_string(folder.join("README.md"))?;
    let (_, rest) = page.split_once(END).context("bench/README.md has no line that ends what is written here")?;
    std::fs::write(folder.join("README.md"), text + rest)?;
    std::fs::write(folder.join("results.json"), format!("{}\n", serde_json::to_string_pretty(&raw)?))?;
    std::fs::write(folder.join("results.svg"), chart::draw(&targets))?;
    if let Some(profile) = profile {
        std::fs::write(folder.join("profile.txt"), profile)?;
    }
    println!("written: bench/README.md, bench/results.json, bench/results.svg");
    Ok(())
}

fn targets(results: &Results) -> Vec<Target> {
    let paid = results.median("paid");
    let added = results.median("paid_paced").p99_ms - results.median("free_paced").p99_ms;
    let voucher = results.median("voucher");
    let voucher_added = results.median("voucher_paced").p99_ms - results.median("free_paced").p99_ms;
    let of = |title, measured, bound, unit| Target { title, measured, bound, unit };
    vec![
        of(
            "challenge, against nginx serving a static file",
            results.median_ratio("challenge", "static"),
            Bound::AtLeast(0.65),
            "x",
        ),
        of(
            "challenge, against mpp's axum layer",
            results.median_ratio("challenge", "mpp_challenge"),
            Bound::AtLeast(1.3),
            "x",
        ),
        of(
            "free route, against nginx as reverse proxy",
            results.median_ratio("free", "nginx_proxy"),
            Bound::AtLeast(0.85),
            "x",
        ),
        of("paid and durable", paid.per_second, Bound::AtLeast(10_000.0), "/s"),
        of("paid and durable on PostgreSQL", results.median("paid_postgres").per_second, Bound::AtLeast(6000.0), "/s"),
        of("paid and durable at 4,000/s, p99", results.median("paid_paced").p99_ms, Bound::AtMost(10.0), "ms"),
        of("added by paying, at p99", added, Bound::AtMost(2.0), "ms"),
        of("paid by voucher and durable", voucher.per_second, Bound::AtLeast(8000.0), "/s"),
        of("added by paying by voucher, at p99", voucher_added, Bound::AtMost(3.0), "ms"),
        of("issue a challenge", results.micro.issue_us, Bound::AtMost(1.5), "us"),
        of("parse and check a credential, without its signature", results.micro.check_us, Bound::AtMost(2.5), "us"),
        of("memory after a million requests", results.megabytes, Bound::AtMost(60.0), "MB"),
        of("memory with ten thousand sessions open", results.session_megabytes, Bound::AtMost(500.0), "MB"),
    ]
}

fn fill(results: &Results, targets: &[Target], effort: &Effort) -> anyhow::Result<String> {
    let date = program("date", ["+%Y-%m-%d"]).output_text()?;
    let floors = &results.floors;
    let floor_rate = median(floors.iter().map(|floor| floor.per_second).collect());
    let floor_time = median(floors.iter().map(|floor| floor.median_ms).collect());
    let slowest = floors.iter().map(|floor| floor.per_second).fold(f64::INFINITY, f64::min);
    Ok(TEMPLATE
        .replace("{date}", date.trim())
        .replace("{machine}", &machine()?)
        .replace("{neighbours}", &format!("{:.1}", results.neighbours))
        .replace("{rounds}", &effort.rounds.to_string())
        .replace("{seconds}", &effort.seconds.to_string())
        .replace("{targets}", &target_table(targets))
        .replace("{cases}", &case_table(results))
        .replace("{micro}", &results.micro.table())
        .replace(
            "{floor}",
            &format!("{floor_rate:.0} writes a second ({floor_time:.2} ms each); slowest probe {slowest:.0}/s"),
        )
        .replace("{missed}", &missed(targets)))
}

/// The processor and the kernel, without anything that names the machine.
fn machine() -> anyhow::Result<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo").context("no /proc/cpuinfo")?;
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let kernel = program("uname", ["-r"]).output_text()?;
    let release = kernel.split('-').next().unwrap_or_default().trim();
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{}, {cores} cores, Linux {release}", model.trim_start_matches(['\t', ' ', ':'])))
}

fn target_table(targets: &[Target]) -> String {
    let mut table = String::from("| figure | measured | target | |\n|---|--:|--:|---|\n");
    for target in targets {
        let bound = match target.bound {
            Bound::AtLeast(least) => format!("at least {}", shown(least, target.unit)),
            Bound::AtMost(most) => format!("at most {}", shown(most, target.unit)),
        };
        let verdict = if target.is_met() { "met" } else { "**missed**" };
        let measured = shown(target.measured, target.unit);
        table += &format!("| {} | {measured} | {bound} | {verdict} |\n", target.title);
    }
    table
}

fn shown(number: f64, unit: &str) -> String {
    match unit {
        "/s" => format!("{number:.0}/s"),
        "x" => format!("{number:.2} x"),
        _ => format!("{number:.2} {unit}"),
    }
}

fn case_table(results: &Results) -> String {
    let mut table = String::from(
        "| case | requests/s | lowest to highest | p50 ms | p99 ms | server CPU us/request |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for measured in &results.cases {
        let run = results.median(measured.key);
        let rates = measured.runs.iter().map(|run| run.per_second);
        let (low, high) = rates.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
        table += &format!(
            "| {} | {:.0} | {low:.0} to {high:.0} | {:.2} | {:.2} | {:.1} |\n",
            measured.title, run.per_second, run.p50_ms, run.p99_ms, run.processor_us
        );
    }
    table
}

fn missed(targets: &[Target]) -> String {
    let missed = targets.iter().filter(|target| !target.is_met()).map(|target| target.title).collect::<Vec<_>>();
    match missed.as_slice() {
        [] => "Every target is met in this run.".to_owned(),
        titles => format!("Missed in this run: {}.", titles.join("; ")),
    }
}
