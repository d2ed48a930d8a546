use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::LOAD_CORE;
use crate::commands::{Run as _, cargo, program};

/// What the protocol costs without a server around it, in microseconds on one core.
#[derive(Serialize)]
pub(super) struct Micro {
    pub(super) issue_us: f64,
    pub(super) check_us: f64,
    mpp_issue_us: f64,
    mpp_check_us: f64,
}

pub(super) fn measure(mpp_micro: &Path) -> anyhow::Result<Micro> {
    let own = cargo(["bench", "--quiet", "--package", "farthing-protocol", "--bench", "wire"]).output_text()?;
    let theirs = program("taskset", ["--cpu-list", LOAD_CORE]).arg(mpp_micro).output_text()?;
    Ok(Micro {
        issue_us: nanoseconds(&own, "issue a challenge")? / 1e3,
        check_us: nanoseconds(&own, "read a credential and check its binding and route")? / 1e3,
        mpp_issue_us: nanoseconds(&theirs, "issue")? / 1e3,
        mpp_check_us: nanoseconds(&theirs, "check")? / 1e3,
    })
}

/// The first number of the line that begins with a label.
fn nanoseconds(output: &str, label: &str) -> anyhow::Result<f64> {
    let line = output.lines().find(|line| line.trim_start().starts_with(label));
    let number = line.and_then(|line| line.split_whitespace().find_map(|word| word.parse::<f64>().ok()));
    number.with_context(|| format!("no line {label:?} with a number in {output}"))
}

impl Micro {
    pub(super) fn table(&self) -> String {
        format!(
            "| operation, one core | farthing | mpp 0.18 |\n|---|--:|--:|\n\
             | issue a challenge: header and HMAC | {:.2} us | {:.2} us |\n\
             | parse and check a credential, without its signature | {:.2} us | {:.2} us |\n",
            self.issue_us, self.mpp_issue_us, self.check_us, self.mpp_check_us
        )
    }
}
