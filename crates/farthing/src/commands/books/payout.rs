//! `farthing books payout`: what was withdrawn, as a payment file for the bank.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::commands::admin::Admin;
use crate::failure::{Failure, OrFail};
use crate::terminal;

#[derive(Args)]
pub(crate) struct Payout {
    /// The folder that the file is written into.
    #[arg(long)]
    out: PathBuf,
    /// The NAME of the account's [rails.NAME] table, where there are several.
    #[arg(long)]
    rail: Option<String>,
    /// The name of a file that was written before and is lost: it is written again, the same to the byte.
    #[arg(long)]
    again: Option<String>,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Payout {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let wish = json!({ "rail": self.rail, "file": self.again });
        let mut answer = self.admin.call(http::Method::POST, "/admin/payment-files", Some(wish)).await?;
        let text = answer.as_object_mut().and_then(|members| members.remove("text"));
        let file = answer.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (Some(Value::String(text)), false) = (text, file.is_empty()) else {
            return Err(Failure::new("the gateway's answer holds no payment file; is it another version?"));
        };
        let path = self.out.join(format!("{file}.xml"));
        if let Err(failed) = keep(&path, &text) {
            let again = format!("farthing books payout --again {file} --out FOLDER");
            return Err(Failure::new(format!(
                "{failed}; its payouts are in the file for good, so write it with: {again}"
            )));
        }
        let payouts = answer.get("payouts").and_then(Value::as_array).map_or(0, Vec::len);
        if self.json {
            terminal::say_json(&json!({ "path": path.display().to_string(), "answer": answer }));
        } else {
            terminal::say(&format!("{} payments are in {}; upload it to the bank once", payouts, path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file whole or not at all; one of that name is not written over, unless it is the same.
fn keep(path: &Path, text: &str) -> Result<(), Failure> {
    if std::fs::read_to_string(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let part = path.with_extension("part");
    std::fs::write(&part, text).or_fail(&part.display().to_string())?;
    std::fs::hard_link(&part, path).or_fail(&path.display().to_string())?;
    std::fs::remove_file(&part).or_fail(&part.display().to_string())
}
