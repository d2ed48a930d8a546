//! The one place that knows which payment methods there are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_gateway::config::{RailContext, RailFactory};
use farthing_rail::simulated::{Memory, Script, SimulatedRail, Surroundings};
use farthing_rail::{Acceptor, Payer, Signer};
use farthing_rail_balance::{Balance, BalancePayer};
use toml::{Table, Value};

use crate::clock;

const LATE_BY: Duration = Duration::from_secs(5);

/// Builds the seller's half of a method from its `[rails.NAME]` table.
pub(crate) fn acceptors() -> RailFactory {
    Arc::new(|name, table, context| match name {
        "balance" => {
            let issuer = context.public_url.unwrap_or(context.realm.as_str());
            let balance = Balance::from_table(table, issuer).map_err(|error| error.to_string())?;
            Ok(vec![Acceptor::Prepaid(Arc::new(balance))])
        }
        "simulated" => simulated(table, context).map(|rail| vec![Acceptor::External(Arc::new(rail))]),
        unknown => Err(format!("there is no rail \"{unknown}\"; the rails are balance and simulated")),
    })
}

/// The buyer's halves that a key can sign for.
pub(crate) fn payers(signer: Arc<dyn Signer>) -> Vec<Arc<dyn Payer>> {
    vec![Arc::new(BalancePayer::new(signer)), Arc::new(farthing_rail::simulated::SimulatedPayer)]
}

fn simulated(table: &Table, context: &RailContext<'_>) -> Result<SimulatedRail, String> {
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
