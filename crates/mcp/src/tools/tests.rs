use super::*;

/// Words by which a tool would ask a model for what is not its to give.
const FORBIDDEN: [&str; 12] = [
    "idempotency",
    "max_amount",
    "maxamount",
    "max_price",
    "budget",
    "passphrase",
    "secret",
    "private key",
    "api key",
    "token",
    "password",
    "seed",
];

#[test]
fn no_tool_asks_a_model_for_a_key_a_limit_or_a_secret() {
    for tool in all() {
        let about = serde_json::to_string(&tool).unwrap().to_ascii_lowercase();
        for word in FORBIDDEN {
            assert!(!about.contains(word), "the tool {} says \"{word}\": {about}", tool.name);
        }
        let members = tool.input_schema["properties"].as_object().unwrap();
        for (name, member) in members {
            assert!(!["max", "limit_price", "amount", "key"].contains(&name.as_str()), "{}: {name}", tool.name);
            assert!(member["description"].is_string(), "{}: {name} is not described", tool.name);
        }
        assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
    }
}

#[test]
fn only_what_pays_is_annotated_as_changing_something() {
    for tool in all() {
        let annotations = tool.annotations.as_ref().unwrap();
        let pays = tool.name == fetch::NAME;
        assert_eq!(annotations.read_only_hint, Some(!pays), "{}", tool.name);
        assert_eq!(annotations.destructive_hint, Some(pays), "{}", tool.name);
        assert_eq!(annotations.idempotent_hint, Some(!pays), "{}", tool.name);
        let asks_servers = pays || tool.name == preview::NAME;
        assert_eq!(annotations.open_world_hint, Some(asks_servers), "{}", tool.name);
    }
}
