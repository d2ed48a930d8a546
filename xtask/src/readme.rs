//! Every `farthing ...` command that the README and the method documents show must exist.

use anyhow::{Context as _, bail};

use crate::commands::{Run as _, program};
use crate::{farthing, workspace};

/// Runs `--help` of every command shown.
pub(crate) fn run() -> anyhow::Result<()> {
    let readme = workspace::root().join("README.md");
    let text = std::fs::read_to_string(&readme).with_context(|| format!("cannot read {}", readme.display()))?;
    let binary = farthing::debug_binary()?;
    let mut shown = commands_in(&text);
    shown.sort();
    shown.dedup();
    if shown.is_empty() {
        bail!("README.md shows no farthing command in a code block");
    }
    for words in &shown {
        program(&binary, words)
            .arg("--help")
            .output_text()
            .with_context(|| format!("README.md shows `farthing {}`, which does not exist", words.join(" ")))?;
    }
    println!("{} commands shown, all exist", shown.len());
    Ok(())
}

/// The commands and subcommands in the shell blocks of a Markdown text: for `farthing policy set --total 1`, the
/// words `policy` and `set`.
fn commands_in(markdown: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = !inside && matches!(line.trim_start_matches('`').trim(), "" | "sh" | "bash" | "console");
            continue;
        }
        if !inside {
            continue;
        }
        for part in line.split(['&', ';', '|']) {
            let mut words = part.trim_start_matches(['$', ' ']).split_whitespace();
            if words.next() == Some("farthing") {
                let named = words.take_while(|word| is_command(word)).map(str::to_owned).collect::<Vec<_>>();
                let length = if named.first().is_some_and(|first| GROUPS.contains(&first.as_str())) { 2 } else { 1 };
                commands.push(named.into_iter().take(length).collect());
            }
        }
    }
    commands
}

/// The words that are not yet a whole command.
const GROUPS: [&str; 7] = ["wallet", "policy", "key", "balance", "books", "approvals", "sessions"];

fn is_command(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::commands_in;

    #[test]
    fn reads_commands_from_shell_blocks_only() {
        let text = "farthing no\n```sh\nfarthing policy set --total x\n$ farthing demo && farthing books verify --data d\n```\nfarthing no\n```toml\nfarthing no\n```\n";
        assert_eq!(commands_in(text), [vec!["policy", "set"], vec!["demo"], vec!["books", "verify"]]);
    }
}
