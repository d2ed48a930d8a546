//! The reference library of the Open Wallet Standard and ours, over the same vault: what one writes the other reads,
//! and what one allows the other allows, or there is a reason. Prints both as Markdown tables; ends with an error when
//! anything came out otherwise.

mod files;
mod policies;
mod requests;
mod table;
mod vault;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut failures = Vec::new();
    println!("{}", files::compare(&mut failures));
    print!("{}", policies::compare(&mut failures));
    for failure in &failures {
        eprintln!("{failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
