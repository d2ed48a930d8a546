//! The rail that moves no money, for development.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_gateway::config::RailContext;
use farthing_rail::simulated::{Memory, Script, SimulatedRail, Surroundings};
use toml::{Table, Value};

use crate::clock;

const LATE_BY: Duration = Duration::from_secs(5);

/// From its `[rails.simulated]` table.
pub(super) fn rail(table: &Table, context: &RailContext<'_>) -> Result<SimulatedRail, String> {
    if !context.development {
        return Err("the simulated rail moves no money and is for development; set gateway.development = true, \
                    or remove [rails.simulated]"
            .to_owned());
    }
    if let Some(unknown) = table.keys().find(|key| !["asset", "script", "seed", "memory"].contains(&key.as_str())) {
        return Err(format!("[rails.simulated] has no key \"{unknown}\"; it knows script, seed and memory"));
    }
    let surroundings = Surroundings {
        now: Box::new(clock::now),
        sleep: Box::new(|while_| Box::pin(tokio::time::sleep(while_))),
        late_by: LATE_BY,
    };
    SimulatedRail::new(script(table)?, memory(table, context.directory)?, surroundings)
        .map_err(|error| error.to_string())
}

fn script(table: &Table) -> Result<Script, String> {
    if let Some(seed) = table.get("seed") {
        let seed = seed.as_integer().and_then(|seed| u64::try_from(seed).ok());
        return seed.map(Script::seeded).ok_or_else(|| "rails.simulated.seed is a whole number, such as 7".to_owned());
    }
    let Some(written) = table.get("script") else { return Ok(Script::honest()) };
    let steps = written.as_array().ok_or("rails.simulated.script is a list, such as [\"settle\", \"refuse\"]")?;
    let behaviours = steps.iter().map(|step| step.as_str().unwrap_or_default().parse());
    behaviours
        .collect::<Result<_, _>>()
        .map(Script::cycle)
        .map_err(|error: farthing_rail::simulated::UnknownBehaviour| error.to_string())
}

fn memory(table: &Table, directory: &Path) -> Result<Arc<Memory>, String> {
    match table.get("memory") {
        None => Ok(Arc::default()),
        Some(Value::String(file)) => {
            let file = directory.join(file);
            let memory = Memory::kept_in(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            Ok(Arc::new(memory))
        }
        Some(_) => Err("rails.simulated.memory is a file name".to_owned()),
    }
}
