use std::path::PathBuf;

use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::Value;

use crate::OwsError;
use crate::policy::rule::Rule;

/// The version of the policy form that is understood.
const VERSION: u64 = 1;

/// A policy of the standard: rules that must all allow, and then perhaps a program that must allow too.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFile {
    object: JsonObject,
    /// Its name as a file.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) executable: Option<PathBuf>,
    pub(crate) config: Option<Value>,
    /// Why it allows nothing, whatever its rules say.
    pub(crate) unusable: Option<String>,
}

impl PolicyFile {
    /// Reads the text of one. What is not understood makes a policy that allows nothing, and is kept.
    pub fn from_json(json: &[u8]) -> Result<Self, OwsError> {
        let refused = |why: String| OwsError::InvalidInput(format!("it is not the file of a policy: {why}"));
        let object = parse_object(json).map_err(|error| refused(error.to_string()))?;
        let text = |member: &str| object.get(member).and_then(Value::as_str).map(str::to_owned);
        let id = text("id").ok_or_else(|| refused("it has no id".into()))?;
        let name = text("name").ok_or_else(|| refused("it has no name".into()))?;
        let present = |member: &str| object.get(member).filter(|value| !value.is_null());
        let rules = match present("rules") {
            None => Vec::new(),
            Some(Value::Array(rules)) => rules.iter().map(Rule::read).collect(),
            Some(_) => return Err(refused("its rules are no list".into())),
        };
        let executable = match present("executable") {
            None => None,
            Some(Value::String(path)) => Some(PathBuf::from(path)),
            Some(_) => return Err(refused("its executable is no path".into())),
        };
        let version = object.get("version").and_then(Value::as_u64);
        let unusable = if version != Some(VERSION) {
            Some(format!("its version is not {VERSION}, and what another version means is not known"))
        } else if text("action").as_deref() != Some("deny") {
            Some("its action is not \"deny\", and what another action means is not known".into())
        } else if rules.is_empty() && executable.is_none() {
            Some("it has neither a rule nor an executable".into())
        } else {
            None
        };
        let config = present("config").cloned();
        Ok(Self { id, name, rules, executable, config, unusable, object })
    }

    /// The text of the file.
    pub fn to_json(&self) -> Result<Vec<u8>, OwsError> {
        let mut json = serde_json::to_vec_pretty(&self.object)
            .map_err(|error| OwsError::InvalidInput(format!("the policy cannot be written: {error}")))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Its members, as they are in the file.
    pub fn members(&self) -> &JsonObject {
        &self.object
    }

    /// The types of its rules that this software does not understand; with one it allows nothing.
    pub fn not_understood(&self) -> Vec<&str> {
        self.rules.iter().filter(|rule| rule.is_unknown()).map(Rule::name).collect()
    }
}
