//! Runs seeds, and says what they came to.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;
use farthing_sim::Broken;
use farthing_sim::home::Home;
use farthing_sim::run::{Report, Totals, play, run};
use farthing_sim::setting::{Omission, Setting};
use farthing_sim::shrink::shrink;

/// Runs gateways, wallets, rails, stores and the network under seeds, and checks every step.
///
/// Example: `cargo xtask sim --seeds 2000`, or `cargo xtask sim --seed 17 --trace` to see one run again; `--shrink` makes
/// a failing one small.
#[derive(Parser)]
#[command(name = "sim", verbatim_doc_comment)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// This seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Leave out of this seed whatever its failure does not need, and print the smallest run that still fails.
    #[arg(long, requires = "seed", conflicts_with_all = ["luck", "without"])]
    shrink: bool,
    /// Let the dice fall in another way; what --shrink prints.
    #[arg(long, requires = "seed", default_value_t = 0, value_name = "NUMBER")]
    luck: u64,
    /// Leave this out of the scenario; what --shrink prints.
    #[arg(long, requires = "seed", value_delimiter = ',', value_name = "PARTS")]
    without: Vec<Omission>,
    /// Print everything that happened, a line for each step.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plant one of our own mistakes, which must be found: claim-after-settle, cap-before-reserve, unknown-as-failed,
    /// receipt-before-post, voucher-in-two.
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG")]
    plant: Option<farthing_rail::planted::Bug>,
    /// How many runs at a time; as many as there are processors when it is not said.
    #[arg(long)]
    threads: Option<usize>,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<bool, Broken> {
    #[cfg(feature = "planted-bugs")]
    farthing_rail::planted::plant(arguments.plant);
    if let Some(seed) = arguments.seed {
        let home = Home::new()?;
        if arguments.shrink {
            return smallest(seed, &home, arguments.trace);
        }
        let setting = Setting { seed, luck: arguments.luck, without: arguments.without.clone() };
        let report = play(&setting, &home)?;
        if arguments.trace {
            report.trace.iter().for_each(|line| println!("{line}"));
        }
        tell(&report);
        return Ok(report.findings.is_empty());
    }
    let totals = many(arguments)?;
    print(&totals, arguments.json);
    Ok(totals.failed.is_empty())
}

/// Prints the smallest run that fails as a seed's does; whether the seed's is well.
fn smallest(seed: u64, home: &Home, trace: bool) -> Result<bool, Broken> {
    let Some(shrunk) = shrink(seed, home)? else {
        println!("seed {seed}: nothing was found, and there is nothing to shrink");
        return Ok(true);
    };
    if trace {
        shrunk.report.trace.iter().for_each(|line| println!("{line}"));
    }
    let (steps, faults) = (shrunk.report.steps, shrunk.report.injected.sum());
    println!("after {} runs: {steps} steps, {faults} faults", shrunk.runs);
    let (scenario, _) = shrunk.setting.prepare();
    println!("  {} gateways, {} orders", scenario.gateways, scenario.all_orders().count());
    shrunk.report.findings.iter().for_each(|finding| println!("  {finding}"));
    println!("run it again with `cargo xtask sim {} --trace`", shrunk.setting.arguments());
    Ok(false)
}

fn many(arguments: &Arguments) -> Result<Totals, Broken> {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let totals = Mutex::new(Totals::default());
    let threads = arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let work = || -> Result<(), Broken> {
        #[cfg(feature = "planted-bugs")]
        farthing_rail::planted::plant(arguments.plant);
        let home = Home::new()?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let report = run(seed, &home)?;
            if !report.findings.is_empty() {
                tell(&report);
            }
            totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(&report);
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in running {
            thread.join().map_err(|_| Broken("a run panicked".to_owned()))??;
        }
        Ok::<_, Broken>(())
    })?;
    let mut totals = totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    totals.failed.sort_unstable();
    Ok(totals)
}

fn tell(report: &Report) {
    let (seed, steps) = (report.seed, report.steps);
    let seconds = report.simulated.as_secs();
    if report.findings.is_empty() {
        println!(
            "seed {seed}: {steps} steps in {seconds} simulated seconds, {} faults, all well",
            report.injected.sum()
        );
        return;
    }
    println!(
        "seed {seed}: {steps} steps, {} faults; see `cargo xtask sim --seed {seed} --shrink`",
        report.injected.sum()
    );
    report.findings.iter().for_each(|finding| println!("  {finding}"));
}

fn print(totals: &Totals, json: bool) {
    if json {
        println!("{}", serde_json::to_string_pretty(totals).unwrap_or_default());
        return;
    }
    println!("| what | how many |\n|---|---:|");
    println!("| seeds | {} |", totals.seeds);
    println!("| steps, each checked | {} |", totals.steps);
    println!("| simulated seconds | {} |", totals.simulated_seconds);
    totals.outcomes.iter().for_each(|(outcome, count)| println!("| orders {outcome} | {count} |"));
    totals.faults.each().for_each(|(fault, count)| println!("| fault: {fault:?} | {count} |"));
    println!("| seeds that failed | {} |", totals.failed.len());
}
