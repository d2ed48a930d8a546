//! What a peer says it can pay or be paid with. Never trust it alone: validate every challenge.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::JsonObject;

/// Methods and the intents of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Intents by method.
    pub methods: BTreeMap<String, Vec<String>>,
}

impl Capabilities {
    /// Reads the capability object: the map of the specification, or the two lists that one
    /// deployed SDK sends, in which every method has every intent.
    pub fn from_object(object: &JsonObject) -> Option<Self> {
        let methods = match object.get("methods")? {
            Value::Object(methods) => {
                let read =
                    |(method, details): (&String, &Value)| Some((method.clone(), texts(details.get("intents")?)?));
                methods.iter().map(read).collect::<Option<_>>()?
            }
            listed => {
                let intents = texts(object.get("intents")?)?;
                texts(listed)?.into_iter().map(|method| (method, intents.clone())).collect()
            }
        };
        Some(Self { methods })
    }

    /// Reads `capabilities.experimental.payment` of the params or the result of MCP's `initialize`.
    pub fn of_initialize(params_or_result: &JsonObject) -> Option<Self> {
        let payment = params_or_result.get("capabilities")?.get("experimental")?.get("payment")?;
        Self::from_object(payment.as_object()?)
    }

    /// The capability object.
    pub fn to_value(&self) -> Value {
        let methods: JsonObject =
            self.methods.iter().map(|(method, intents)| (method.clone(), json!({"intents": intents}))).collect();
        json!({"methods": methods})
    }

    /// Whether the peer named this method with this intent.
    pub fn has(&self, method: &str, intent: &str) -> bool {
        self.methods.get(method).is_some_and(|intents| intents.iter().any(|known| known == intent))
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_the_map_is_written() {
        let lists = json!({"methods": ["tempo", "stripe"], "intents": ["charge"]});
        let read = Capabilities::from_object(lists.as_object().unwrap()).unwrap();
        assert!(read.has("stripe", "charge") && !read.has("stripe", "session") && !read.has("x", "charge"));
        let written = read.to_value();
        assert_eq!(written["methods"]["tempo"]["intents"], json!(["charge"]));
        assert_eq!(Capabilities::from_object(written.as_object().unwrap()), Some(read));
        for broken in [json!({}), json!({"methods": {"x": {}}}), json!({"methods": [1], "intents": []})] {
            assert_eq!(Capabilities::from_object(broken.as_object().unwrap()), None);
        }
    }
}
