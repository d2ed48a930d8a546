//! Makes and opens tokens for another implementation: one JSON object a line in, one out. `{"key": true}` asks for the
//! public key, `{"open": token}` for what is in a token, `{"seal": text, "jwk": key}` for a token.

use std::io::{BufRead as _, Write as _};

use farthing_rail_card::jwe::DecryptionKey;
use farthing_rail_card::{EncryptionKey, machine_randomness};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = DecryptionKey::generate("farthing-1")?;
    for line in std::io::stdin().lock().lines() {
        let answer = answer(&key, &serde_json::from_str(&line?)?);
        let answer = answer.unwrap_or_else(|refused| json!({ "refused": refused }));
        writeln!(std::io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn answer(key: &DecryptionKey, question: &Value) -> Result<Value, String> {
    let random = machine_randomness();
    if let Some(token) = question.get("open").and_then(Value::as_str) {
        let plain = key.open(token, random).map_err(|error| error.to_string())?;
        return Ok(json!({ "plain": String::from_utf8_lossy(&plain) }));
    }
    let Some(text) = question.get("seal").and_then(Value::as_str) else {
        return Ok(json!({ "jwk": key.public().to_object() }));
    };
    let jwk = question.get("jwk").and_then(Value::as_object).ok_or("there is no jwk")?;
    let jwk = EncryptionKey::from_object(jwk).map_err(|error| error.to_string())?;
    let token = jwk.seal(text.as_bytes(), random).map_err(|error| error.to_string())?;
    Ok(json!({ "token": token }))
}
