use super::*;

const CHAIN: &str = "[chains.base]\nchain = 8453\n";

fn read(text: &str) -> Result<Config, String> {
    let environment = |name: &str| match name {
        "SHOP" => Some("a token of the shop".to_owned()),
        "SHORT" => Some("short".to_owned()),
        _ => None,
    };
    Config::read(text, Path::new("/etc/f.toml"), &environment).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_for_one_machine() {
    let config = read(CHAIN).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:4030");
    assert_eq!(config.data, Path::new("/etc/facilitator"));
    assert_eq!(config.chains[0].table["chain"].as_integer(), Some(8453));
}

#[test]
fn d_09_without_callers_only_this_machine_is_served() {
    let public = format!("[facilitator]\nlisten = \"0.0.0.0:4030\"\n{CHAIN}");
    let error = read(&public).unwrap_err();
    assert!(error.contains("add a [callers.NAME] table") && error.contains("0.0.0.0:4030"), "{error}");
    assert!(read(&format!("{public}[callers.shop]\ntoken = {{ env = \"SHOP\" }}\n")).is_ok());
}

#[test]
fn mistakes_are_named_with_their_remedy() {
    let caller = |table: &str| format!("{CHAIN}[callers.shop]\n{table}\n");
    for (text, needle) in [
        ("".to_owned(), "add a [chains.NAME] table"),
        (format!("{CHAIN}[facilitator]\nlisten = \"here\"\n"), "listen"),
        (format!("{CHAIN}[facilitator]\nhost = \"here\"\n"), "unknown field `host`"),
        (caller("token = \"literal\""), "a secret is written"),
        (caller("token = { env = \"NONE\" }"), "the environment variable NONE"),
        (caller("token = { file = \"none\" }"), "/etc/none"),
        (caller("token = { env = \"SHORT\" }"), "too easy to guess"),
        (caller("token = { env = \"SHOP\" }\nper_minute = 0"), "callers.shop.per_minute is at least 1"),
        (caller("token = { env = \"SHOP\" }\n[callers.two]\ntoken = { env = \"SHOP\" }"), "have one token"),
    ] {
        let error = read(&text).map(drop).unwrap_err();
        assert!(error.contains(needle), "{error}");
        assert!(!error.contains("a token of the shop") && !error.contains("short"), "{error}");
    }
}
