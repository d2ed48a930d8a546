//! `farthing check`: walks the buyer's flow up to the payment, and says which layer fails.

mod answer;
mod discovery;
mod examination;
mod finding;
mod x402;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use url::Url;

use self::examination::Examination;
use self::finding::{Finding, Verdict};
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

/// Examine a paid endpoint without paying.
#[derive(Args)]
#[command(
    after_help = "Example:\n  farthing check https://api.example.com/v1/forecast/paris\n\nExit code 0: a buyer can pay here. 1: something stands in the way."
)]
pub(crate) struct Check {
    /// The URL a buyer would fetch.
    url: Url,
    /// The method a buyer would use.
    #[arg(short = 'X', long, default_value = "GET")]
    method: http::Method,
    /// Print findings as one JSON object.
    #[arg(long)]
    json: bool,
    /// Seconds to wait for each answer.
    #[arg(long, default_value_t = 10)]
    timeout: u64,
}

impl Check {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(self.timeout))
            .user_agent(concat!("farthing-check/", env!("CARGO_PKG_VERSION")))
            .build()
            .or_fail("cannot make an HTTP client")?;
        let examination = Examination { client, url: self.url.clone(), method: self.method };
        let findings = examination.walk().await;
        let broken = findings.iter().filter(|finding| finding.verdict == Verdict::Broken).count();
        if self.json {
            let listed: Vec<_> = findings.iter().map(Finding::to_json).collect();
            terminal::say_json(&json!({ "url": self.url.as_str(), "payable": broken == 0, "findings": listed }));
        } else {
            report(&self.url, &findings, broken);
        }
        Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn report(url: &Url, findings: &[Finding], broken: usize) {
    for finding in findings {
        let (word, colour) = match finding.verdict {
            Verdict::Good => ("good  ", Colour::Green),
            Verdict::Weak => ("weak  ", Colour::Yellow),
            Verdict::Broken => ("broken", Colour::Red),
        };
        terminal::say(&format!("{} {:<11} {}", terminal::coloured(word, colour), finding.layer, finding.fact));
        if let Some(remedy) = &finding.remedy {
            terminal::say(&format!("                   -> {remedy}"));
        }
    }
    terminal::say(&match broken {
        0 => format!("A buyer can pay at {url}."),
        1 => format!("One thing stands between a buyer and {url}."),
        _ => format!("{broken} things stand between a buyer and {url}."),
    });
}
